// Feed hands a checkpoint to a witness with the client of transparency-dev/witness, which knows nothing of Pourparler.
//
//	feed URL OLD-SIZE CHECKPOINT-FILE [PROOF-HASH...]
//
// It prints the witness's signature lines, or ends with "stale SIZE" and exit code 3, or another refusal and exit code 1.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/witness"
)

func feed(where, old, file string, hashes []string) ([]byte, uint64, error) {
	parsed, err := url.Parse(where)
	if err != nil {
		return nil, 0, err
	}
	size, err := strconv.ParseUint(old, 10, 64)
	if err != nil {
		return nil, 0, err
	}
	checkpoint, err := os.ReadFile(file)
	if err != nil {
		return nil, 0, err
	}
	proof := make([][]byte, len(hashes))
	for i, hash := range hashes {
		if proof[i], err = base64.StdEncoding.DecodeString(hash); err != nil {
			return nil, 0, err
		}
	}
	return client.NewWitness(parsed, http.DefaultClient).Update(context.Background(), size, checkpoint, proof)
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: feed URL OLD-SIZE CHECKPOINT-FILE [PROOF-HASH...]")
		os.Exit(2)
	}
	lines, size, err := feed(os.Args[1], os.Args[2], os.Args[3], os.Args[4:])
	if errors.Is(err, witness.ErrCheckpointStale) {
		fmt.Println("stale", size)
		os.Exit(3)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "feed:", err)
		os.Exit(1)
	}
	os.Stdout.Write(lines)
}
