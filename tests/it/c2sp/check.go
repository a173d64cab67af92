// Checks a log that is laid out as C2SP tlog-tiles, with Go's own implementation of notes and tiles alone.
//
// Usage: check FOLDER VKEY. The folder holds `checkpoint`, `checkpoint.old`, `tile/…`, and `proofs`: one proof a line, as
// `inclusion SEQ HASH…` or `consistency OLD HASH…`, in hexadecimal digits, for the checkpoint's size.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(path ...string) []byte {
	bytes, err := os.ReadFile(filepath.Join(path...))
	must(err)
	return bytes
}

// checkpoint opens a signed note and reads size and root from it.
func checkpoint(bytes []byte, known note.Verifiers) tlog.Tree {
	opened, err := note.Open(bytes, known)
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree
}

// path is the C2SP path of a tile: Go's own has the height of tiles in it too.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

// folder reads tiles from files.
type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(f), path(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// records reads every entry bundle.
func records(f folder, size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 256 {
		width := min64(256, size-first)
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(width)}
		rest := read(string(f), strings.Replace(path(tile), "tile/0/", "tile/entries/", 1))
		for ; width > 0; width-- {
			length := int(binary.BigEndian.Uint16(rest))
			all = append(all, rest[2:2+length])
			rest = rest[2+length:]
		}
		if len(rest) > 0 {
			must(fmt.Errorf("bytes after the last entry of bundle %d", first/256))
		}
	}
	return all
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func main() {
	here := folder(os.Args[1])
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	known := note.VerifierList(verifier)
	tree := checkpoint(read(string(here), "checkpoint"), known)
	old := checkpoint(read(string(here), "checkpoint.old"), known)
	// It checks every tile that it reads against the tree.
	hashes := tlog.TileHashReader(tree, here)

	all := records(here, tree.N)
	step := 1 + tree.N/1000
	for seq := int64(0); seq < tree.N; seq += step {
		proof, err := tlog.ProveRecord(tree.N, seq, hashes)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, seq, tlog.RecordHash(all[seq])))
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	must(err)
	must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))

	inclusion, consistency := 0, 0
	lines := bufio.NewScanner(strings.NewReader(string(read(string(here), "proofs"))))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		number, err := strconv.ParseInt(words[1], 10, 64)
		must(err)
		var given []tlog.Hash
		for _, word := range words[2:] {
			bytes, err := hex.DecodeString(word)
			must(err)
			var hash tlog.Hash
			copy(hash[:], bytes)
			given = append(given, hash)
		}
		switch words[0] {
		case "inclusion":
			must(tlog.CheckRecord(given, tree.N, tree.Hash, number, tlog.RecordHash(all[number])))
			inclusion++
		case "consistency":
			must(tlog.CheckTree(given, tree.N, tree.Hash, number, old.Hash))
			consistency++
		}
	}
	fmt.Printf("%d entries, %d inclusion and %d consistency proofs\n", tree.N, inclusion, consistency)
}
