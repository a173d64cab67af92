module example.com/shop

go 1.22.1

toolchain go1.22.3

require (
	github.com/BurntSushi/toml v1.3.2
	github.com/dgrijalva/jwt-go v3.2.0+incompatible // a deprecated one
	golang.org/x/net v0.7.0
	example.com/beside v0.0.0-00010101000000-000000000000
)

require (
	github.com/mattn/go-isatty v0.0.16 // indirect
	golang.org/x/sys v0.5.0 // indirect
)

replace (
	example.com/beside => ../beside
	golang.org/x/net v0.7.0 => github.com/forked/net v0.7.1
)

exclude golang.org/x/text v0.3.0

retract v1.0.1
