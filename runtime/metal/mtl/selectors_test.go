//go:build darwin || (linux && mlxc_metal)

package mtl

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// classMethod tells the messages that are sent to classes.
func classMethod(i selector) bool { return i == selAlloc || i == selNew }

// The table of docs/selectors.md is that of the code. MLXC_UPDATE=1 rewrites it.
func TestSelectorsAreDocumented(t *testing.T) {
	const path = "../../../docs/selectors.md"
	var want strings.Builder
	want.WriteString(`# Messages that mlxc sends to Metal

Every selector in use and its type in Apple's encoding, without offsets and without
the receiver and the selector that each begins with: the result, then the arguments.
A plus marks messages to classes. The table is made from runtime/metal/mtl, and on a
Mac the tests there compare it with what the Objective-C runtime knows.

| class or protocol | selector | result | arguments |
|---|---|---|---|
`)
	for i, s := range selectors {
		sign := "-"
		if classMethod(selector(i)) {
			sign = "+"
		}
		result, arguments, ok := strings.Cut(s.encoding, "@:")
		if !ok || s.name == "" || s.class == "" {
			t.Errorf("row %d is incomplete: %v", i, s)
		}
		fmt.Fprintf(&want, "| %s | `%s %s` | `%s` | %s |\n", s.class, sign, s.name, result, code(arguments))
	}
	if os.Getenv("MLXC_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(want.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("%s is not made from the table of the code; MLXC_UPDATE=1 rewrites it", path)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// A message with as many arguments as its name has colons is one that the type fits.
func TestSelectorsHaveTheirArguments(t *testing.T) {
	for _, s := range selectors {
		_, arguments, _ := strings.Cut(s.encoding, "@:")
		if got, want := countTypes(arguments), strings.Count(s.name, ":"); got != want {
			t.Errorf("%s: %d arguments in %q, want %d", s.name, got, s.encoding, want)
		}
	}
}

// countTypes counts the types of an encoding.
func countTypes(encoding string) (n int) {
	for i := 0; i < len(encoding); i++ {
		switch c := encoding[i]; {
		case c == 'r' || c == '^': // belongs to what follows
			continue
		case c == '{':
			i += strings.IndexByte(encoding[i:], '}')
		case strings.HasPrefix(encoding[i:], "@?"):
			i++
		}
		n++
	}
	return n
}
