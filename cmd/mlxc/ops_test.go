package main

import (
	"os"
	"strings"
	"testing"
)

// docs/ops.md is what the op table says. MLXC_UPDATE=1 rewrites it.
func TestOpReference(t *testing.T) {
	var b strings.Builder
	if err := opReference(&b); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/ops.md"
	if os.Getenv("MLXC_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != b.String() {
		t.Errorf("%s is not what the op table says; MLXC_UPDATE=1 rewrites it", file)
	}
}
