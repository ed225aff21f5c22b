package repack

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/mlxc/mlxc/internal/quant"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime"
)

// Any file that is opened is written anew or refused, and what is written is opened.
func FuzzRepack(f *testing.F) {
	for _, file := range []string{"plain.gguf", "quantised.gguf", "aligned.gguf"} {
		f.Add(must(os.ReadFile("../../runtime/testdata/gguf/" + file))(f))
	}
	f.Add(must(os.ReadFile("../../testdata/quantised/mlx.safetensors"))(f))
	f.Add(must(os.ReadFile(source(f, map[string]*runtime.Array{"a.weight": must(runtime.NewArray(runtime.F32, 2, 64))(f)})))(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		from := filepath.Join(t.TempDir(), "from")
		if err := os.WriteFile(from, data, 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := runtime.OpenWeights(from)
		if err != nil {
			return
		}
		defer w.Close()
		for name, o := range map[string]Options{
			"a.safetensors": {Quantise: quant.Of(ir.Q4G32), Only: []string{"*"}}, "b.safetensors": {Cast: runtime.F16, Shard: 100},
			"a.gguf": {Quantise: quant.Of(ir.Q8_0), Only: []string{"*"}, Cast: runtime.BF16}, "b.gguf": {},
		} {
			o.Output = filepath.Join(t.TempDir(), name)
			job, err := Plan(from, w, o)
			if err != nil {
				continue
			}
			r, err := job.Run(context.Background(), nil)
			if err != nil {
				continue
			}
			for _, file := range r.Files {
				out, err := runtime.OpenWeights(file)
				if err != nil {
					t.Fatal(err)
				}
				out.Close()
			}
		}
	})
}
