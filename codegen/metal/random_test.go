package metal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mlxc/mlxc/internal/random"
	"github.com/mlxc/mlxc/ir"
)

// Random programs through the whole pipeline, in the memory of their plans, each
// kernel held against the interpreter.
func TestRandomPrograms(t *testing.T) {
	t.Parallel()
	seeds := uint64(300)
	if testing.Short() {
		seeds = 40
	}
	s := &suite{stepwise: true}
	var text strings.Builder
	text.WriteString("mlxir 1\nmodule \"random\" {\n")
	var kept []uint64
	for seed := range seeds {
		own := ir.Print(random.Module(seed, random.AllKinds))
		if strings.Contains(own, "f64") {
			continue // Metal has none
		}
		body := own[strings.Index(own, "dim B"):strings.LastIndex(own, "}")]
		if len(kept) > 0 { // the dims are the same in all
			body = body[strings.Index(body, "dim N"):]
			_, body, _ = strings.Cut(body, "\n")
		}
		text.WriteString(strings.NewReplacer("@run", fmt.Sprintf("@run%d", seed), "@w", fmt.Sprintf("@p%d_w", seed), `= "w`, fmt.Sprintf(`= "p%d_w`, seed)).Replace(body))
		kept = append(kept, seed)
	}
	text.WriteString("}\n")
	var err error
	if s.module, err = ir.Parse("random.mlxir", []byte(text.String())); err != nil {
		t.Fatal(err)
	}
	all := *s.module
	for i, f := range all.Funcs {
		one := all
		one.Funcs = []*ir.Func{f}
		params, inputs, ok := random.Inputs(&one, kept[i], kept[i]%2 == 0)
		if !ok {
			continue
		}
		p := &program{entry: f.Name, params: params, inputs: inputs}
		if p.want, err = all.Eval(f, params, inputs); err != nil {
			continue // the extreme of nothing
		}
		s.programs = append(s.programs, p)
	}
	kernels, launches := s.run(t)
	t.Logf("%d kernels, %d programs, %d launches", kernels, len(s.programs), launches)
}
