package mlxc_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mlxc/mlxc"

// mayImport is the import table of the architecture: what each package may
// import of ours, by path below the module. A trailing /... stands for a package
// and all below it. Packages whose own path has no row may import nothing.
var mayImport = []struct {
	pkg     string
	imports []string
}{
	{"", []string{"ir", "frontend/...", "passes/...", "codegen/...", "runtime/...", "internal/msl"}},
	{"ir/...", nil},
	{"frontend/mlx/nn", []string{"frontend/dsl", "frontend/mlx"}},
	{"frontend/mlx/loss", []string{"frontend/dsl", "frontend/mlx"}},
	{"frontend/mlx/optim", []string{"frontend/dsl", "frontend/mlx"}},
	{"frontend/mlx/prelude", []string{"frontend/dsl", "frontend/mlx"}},
	{"frontend/mlx/internal/library", []string{"frontend/dsl"}},
	{"frontend/mlx/...", []string{"ir", "frontend/mlx/..."}},
	{"frontend/dsl/...", []string{"ir", "frontend/mlx/...", "frontend/dsl/..."}},
	{"frontend/onnx", []string{"ir", "frontend/mlx", "frontend/onnx/pb"}},
	{"frontend/onnx/pb", nil},
	{"passes/...", []string{"ir", "passes/..."}},
	{"codegen", []string{"ir", "codegen/..."}},
	{"codegen/cpu/...", []string{"ir"}},
	{"codegen/metal/...", []string{"ir"}},
	{"runtime", []string{"runtime/cpu"}},
	{"runtime/cpu", nil},
	{"runtime/bench", []string{"runtime", "runtime/cpu"}},
	{"runtime/metal", []string{"runtime", "runtime/metal/mtl"}},
	{"runtime/metal/mtl", nil},
	{"cmd/mlxc/...", []string{"..."}},
	{"internal/...", []string{"..."}},
	{"scripts/...", []string{"..."}},
	{"bench/...", []string{"..."}},
	{"examples/...", []string{"..."}},
	{"testdata/gen/...", []string{"runtime/..."}},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...", "./testdata/gen/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); packages++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkg := ours(p.ImportPath)
		allowed := slices.IndexFunc(mayImport, func(row struct {
			pkg     string
			imports []string
		}) bool {
			return covers(row.pkg, pkg)
		})
		if allowed < 0 {
			t.Errorf("package %q has no row in the import table", pkg)
			continue
		}
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module) {
				continue
			}
			if !slices.ContainsFunc(mayImport[allowed].imports, func(a string) bool { return covers(a, ours(i)) }) {
				t.Errorf("%s must not import %s", p.ImportPath, i)
			}
		}
	}
	if packages == 0 {
		t.Error("go list found no packages")
	}
}

func ours(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func covers(pattern, pkg string) bool {
	if below, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(pkg+"/", below)
	}
	return pattern == pkg
}
