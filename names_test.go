package mlxc_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc"
)

// Names that Go would see twice are refused, at the place of the second.
func TestNamesThatAreOneInGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "names.mlx")
	for source, want := range map[string]string{
		"dim T <= 8, t <= 4\nentry f(x: f32[T, t]) -> (y: f32[T, t]) { return x }\n":                                              file + ":1:13: error: dim T and dim t are both dimT in the Go package\n     = hint: give one another name",
		"entry a_b(x: f32[3]) -> (y: f32[3]) { return x }\nentry aB(z: f32[3], w: f32[3]) -> (y: f32[3]) { return z + w }\n":      file + ":2:7: error: entry a_b and entry aB are both AB in the Go package\n     = hint: give one another name",
		"entry close(x: f32[3]) -> (y: f32[3]) { return x }\n":                                                                    file + ":1:7: error: a method of every session and entry close are both Close in the Go package\n     = hint: give one another name",
		"entry f(a_b: f32[3], aB: f32[3]) -> (y: f32[3]) { return a_b + aB }\n":                                                   file + ":1:7: error: input a_b of entry f and input aB of entry f are both FAB in the Go package\n     = hint: give one another name",
		"entry f(x: f32[3]) -> (y_1: f32[3], y1: f32[3]) { return x, x + 1 }\n":                                                   file + ":1:7: error: result y_1 of entry f and result y1 of entry f are both Y1 in the Go package\n     = hint: give one another name",
		"dim T <= 8\nentry f(x: f32[T]) -> (y: f32[T]) { return x }\nentry g(x: f32[T], X: f32[T]) -> (y: f32[T]) { return x }\n": file + ":3:7: error: input x of entry g and input X of entry g are both GX in the Go package\n     = hint: give one another name",
	} {
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := mlxc.Load(file, mlxc.Source{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = mlxc.Compile(m, mlxc.Options{Package: "names", Source: file})
		if err == nil {
			t.Errorf("compiled:\n%s", source)
		} else if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}
