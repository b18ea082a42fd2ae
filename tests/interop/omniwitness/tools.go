//go:build tools

// Package omniwitness pins the witness of transparency-dev/witness, built as it is. The version of its Merkle library
// that it names cannot be had everywhere, so the last released one stands in, with one function added that refuses:
// that of subtree proofs, for which nobody here asks. See tests/interop/tools.py.
package omniwitness

import _ "github.com/transparency-dev/witness/cmd/omniwitness"
