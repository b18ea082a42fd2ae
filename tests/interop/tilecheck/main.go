// Tilecheck reads a log of static tiles with Go's own sumdb/note and sumdb/tlog, which know nothing of Pourparler:
// the checkpoint's signature, every entry's inclusion, and consistency with every smaller size that is asked for.
//
//	tilecheck VKEY URL [OLD-SIZE OLD-ROOT]...
//
// The formats are c2sp.org/tlog-tiles and c2sp.org/tlog-checkpoint. It prints one line of JSON; what does not verify ends
// it with a line on standard error and exit code 1.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // a tile holds 2^8 hashes

// A log is one that is served at a URL.
type log struct{ url string }

func (l log) get(path string) ([]byte, error) {
	answer, err := http.Get(l.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// Height, ReadTiles and SaveTiles make a log a tlog.TileReader.
func (l log) Height() int { return height }

func (l log) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// tlog's own path is tile/8/L/N; that of c2sp.org/tlog-tiles leaves the height out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := l.get(path)
		if err != nil {
			return nil, err
		}
		read[i] = data
	}
	return read, nil
}

func (l log) SaveTiles([]tlog.Tile, [][]byte) {}

// entries yields the entries of a tree of size, out of its entry bundles.
func (l log) entries(size int64, yield func(index int64, entry []byte) error) error {
	for first := int64(0); first < size; first += 1 << height {
		width := min(size-first, 1<<height)
		tile := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		bundle, err := l.get(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		for index := first; index < first+width; index++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("entry %d is cut short", index)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if err := yield(index, bundle[2:2+length]); err != nil {
				return err
			}
			bundle = bundle[2+length:]
		}
		if len(bundle) != 0 {
			return fmt.Errorf("%d bytes left over in the bundle of entry %d", len(bundle), first)
		}
	}
	return nil
}

// checkpoint returns the tree that the log's signed checkpoint states, and its origin.
func (l log) checkpoint(vkey string) (tlog.Tree, string, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, "", err
	}
	signed, err := l.get("checkpoint")
	if err != nil {
		return tlog.Tree{}, "", err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, "", err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 {
		return tlog.Tree{}, "", fmt.Errorf("a checkpoint has three lines, this one %d", len(lines)-1)
	}
	tree, err := treeOf(lines[1], lines[2])
	return tree, lines[0], err
}

func treeOf(size, root string) (tlog.Tree, error) {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	data, err := base64.StdEncoding.DecodeString(root)
	if err != nil || len(data) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("%q is no root", root)
	}
	return tlog.Tree{N: n, Hash: tlog.Hash(data)}, nil
}

func check(vkey, url string, older []string) error {
	l := log{strings.TrimSuffix(url, "/")}
	tree, origin, err := l.checkpoint(vkey)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, l) // authenticates every tile against the checkpoint
	err = l.entries(tree.N, func(index int64, entry []byte) error {
		proof, err := tlog.ProveRecord(tree.N, index, reader)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
	})
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(older); i += 2 {
		old, err := treeOf(older[i], older[i+1])
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("size %d: %w", old.N, err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"origin": origin, "size": tree.N, "root": tree.Hash.String(), "consistent": len(older) / 2,
	})
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: tilecheck VKEY URL [OLD-SIZE OLD-ROOT]...")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "tilecheck:", err)
		os.Exit(1)
	}
}
