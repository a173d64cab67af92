//! Keys to a bucket, from every place where AWS's own tools look for theirs, each played on this machine: the variables, the
//! shared files, a container's endpoint, a machine's metadata, an exchange of web identities.
//!
//! What is played here is who hands out keys; no account of AWS was asked.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

use serde_json::Value;

use super::{Place, exhibit};

/// Stands in every secret part, and nowhere in what the program says.
const CANARY: &str = "fake-handed-out";
const ENDS: &str = "2093-03-01T12:00:00Z";

/// Hands out keys to who asks as each place is asked, and plays a bucket for whoever signs with them.
fn places() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // Ends with the process.
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || serve(connection));
        }
    });
    address
}

/// A request without what is not looked at.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    let mut from = BufReader::new(connection.try_clone()?);
    let mut line = String::new();
    from.read_line(&mut line)?;
    let mut request = Request { line, headers: Vec::new(), body: String::new() };
    loop {
        let mut header = String::new();
        from.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    from.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let (status, body) = answer(&request);
    let head = if request.line.starts_with("HEAD") { "" } else { body.as_str() };
    write!(
        connection,
        "HTTP/1.1 {status} .\r\nContent-Length: {}\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600\r\nConnection: close\r\n\r\n{head}",
        head.len()
    )
}

fn keys(of: &str) -> String {
    serde_json::json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": ENDS,
        "AccessKeyId": format!("handed-out-{of}"), "SecretAccessKey": format!("{CANARY}-secret"),
        "Token": format!("{CANARY}-session"),
    })
    .to_string()
}

fn answer(request: &Request) -> (u16, String) {
    let mut words = request.line.split_whitespace();
    match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
        ("GET", "/container") if request.header("authorization") == format!("{CANARY}-container") => {
            (200, keys("container"))
        }
        ("PUT", "/latest/api/token") => (200, format!("{CANARY}-metadata")),
        ("GET", path) if path.starts_with("/latest/") => {
            if request.header("x-aws-ec2-metadata-token") != format!("{CANARY}-metadata") {
                return (401, String::new());
            }
            match path.strip_prefix("/latest/meta-data/iam/security-credentials/") {
                Some("") => (200, "evidence-role".to_owned()),
                Some("evidence-role") => (200, keys("instance")),
                _ => (404, String::new()),
            }
        }
        ("POST", _) if request.body.contains("Action=AssumeRoleWithWebIdentity") => {
            let identity = format!("WebIdentityToken={CANARY}-identity");
            if !request.body.contains(&identity) || !request.body.contains("role%2Fevidence") {
                return (403, String::new());
            }
            let answer = format!(
                "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>handed-out-identity</AccessKeyId>\
                 <SecretAccessKey>{CANARY}-secret</SecretAccessKey><SessionToken>{CANARY}-session</SessionToken>\
                 <Expiration>{ENDS}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
                 </AssumeRoleWithWebIdentityResponse>"
            );
            (200, answer)
        }
        ("HEAD", path) if path.starts_with("/evidence") => {
            let signed = request.header("authorization").contains("Credential=handed-out-");
            let session = request.header("x-amz-security-token") == format!("{CANARY}-session");
            (if signed && session { 200 } else { 403 }, String::new())
        }
        _ => (404, String::new()),
    }
}

#[test]
fn keys_come_from_wherever_awss_own_tools_find_them() {
    let at = places();
    let place = Place::new();
    let file = |name: &str, text: String| {
        fs::write(place.join(name), text).expect("written");
        place.join(name).display().to_string()
    };
    let shared = file(
        "shared",
        format!(
            "[evidence]\naws_access_key_id = handed-out-profile\naws_secret_access_key = {CANARY}-secret\n\
             aws_session_token = {CANARY}-session\n"
        ),
    );
    let none = file("none", String::new());
    let identity = file("identity", format!("{CANARY}-identity"));
    let (server, secret, session) = (format!("http://{at}"), format!("{CANARY}-secret"), format!("{CANARY}-session"));
    let container = format!("{server}/container");
    let token = format!("{CANARY}-container");
    let nowhere = ("AWS_EC2_METADATA_DISABLED", "true");
    let own = |id: &'static str| {
        vec![
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
            ("AWS_SESSION_TOKEN", session.as_str()),
            nowhere,
        ]
    };
    let profile = vec![("AWS_SHARED_CREDENTIALS_FILE", shared.as_str()), nowhere];
    let cases = [
        ("the variables", "", own("handed-out-variables"), true),
        ("a profile by variable", "", [&profile[..], &[("AWS_PROFILE", "evidence")]].concat(), true),
        ("a profile by name", "profile = \"evidence\"\n", [own("another's"), profile.clone()].concat(), true),
        ("a profile that is not there", "profile = \"elsewhere\"\n", profile, false),
        (
            "a web identity",
            "",
            vec![
                ("AWS_WEB_IDENTITY_TOKEN_FILE", identity.as_str()),
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/evidence"),
                ("AWS_ROLE_SESSION_NAME", "exhibit"),
                ("AWS_ENDPOINT_URL_STS", server.as_str()),
                nowhere,
            ],
            true,
        ),
        (
            "a container",
            "",
            vec![
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token.as_str()),
                nowhere,
            ],
            true,
        ),
        ("an instance", "", vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.as_str())], true),
        ("another's variables", "", own("another's"), false),
        ("nothing", "", vec![nowhere], false),
    ];
    for (what, line, variables, good) in cases {
        let text = format!(
            "[deployment]\nname = \"Example Company\"\n\n[archive.s3]\nbucket = \"evidence\"\nregion = \"us-east-1\"\n\
             endpoint = \"{server}\"\n{line}"
        );
        fs::write(place.join("exhibit.toml"), text).expect("written");
        let mut doctor = exhibit(place.path(), &["doctor", "--format", "json"]);
        doctor.env("HOME", place.path()).env("AWS_CONFIG_FILE", &none).env("AWS_SHARED_CREDENTIALS_FILE", &none);
        let told = doctor.envs(variables).output().expect("the program starts");
        let (printed, said) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        assert!(!format!("{printed}{said}").contains(CANARY), "{what}: it shows a secret: {printed}\n{said}");
        let found: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{what}: {error}: {said}"));
        let reach = found.as_array().expect("a list").iter().find(|finding| finding["code"] == "bucket.reach");
        let reach = reach.unwrap_or_else(|| panic!("{what}: {printed}"));
        assert_eq!(reach["state"], if good { "ok" } else { "fail" }, "{what}: {reach}");
        if what == "nothing" || what == "a profile that is not there" {
            assert!(reach.to_string().contains("there are no credentials"), "{what}: {reach}");
        }
    }
}
