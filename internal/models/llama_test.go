package models

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/passes"
)

type recorded struct {
	Shape []int
	Data  []float64
}

func (r recorded) tensor() *ir.Tensor {
	t := ir.NewTensor(ir.F32, r.Shape...)
	copy(t.F, r.Data)
	return t
}

// The block gives what PyTorch recorded (scripts/oracles/llama.py): by the reference
// evaluator, which computes in float64, but for the constants of rope and of scores,
// and by the kernels of both targets, whose values in f32 have sums of 24 terms.
func TestLlamaAgainstRecordedArrays(t *testing.T) {
	text, err := os.ReadFile("testdata/llama.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Params map[string]recorded
		Cases  []struct {
			Pos          int64
			Inputs, Want []recorded
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	small := LlamaConfig{Width: 16, Hidden: 24, Heads: 4, KV: 2, Theta: 65536, Eps: 0x1p-16, Context: 64}
	for _, c := range all.Cases {
		var inputs []*ir.Tensor
		for _, x := range c.Inputs {
			inputs = append(inputs, x.tensor())
		}
		for _, target := range []ir.Target{"", ir.CPU, ir.Metal} {
			p, err := Llama(small, 0)
			if err != nil {
				t.Fatal(err)
			}
			m := p.Module()
			params := map[string]*ir.Tensor{}
			for i, s := range m.States() {
				params[s.Name] = inputs[1+i]
			}
			for _, w := range m.Weights() {
				params[w.Name] = all.Params[w.Path[:len(w.Path)-len(".weight")]].tensor()
			}
			var got []*ir.Tensor
			bound := 1e-12
			if target == "" {
				got, err = m.Eval(m.Funcs[0], params, inputs[:1], c.Pos)
			} else if err = passes.Run(m, target, nil); err == nil {
				f := m.Funcs[0]
				got, err = m.EvalVariant(f, f.Variants[len(f.Variants)-1], params, inputs[:1], c.Pos)
				bound = 1e-5
			}
			if err != nil {
				t.Errorf("%q: %v", target, err)
				continue
			}
			for _, s := range m.States() {
				got = append(got, params[s.Name])
			}
			for i, want := range c.Want {
				for n, w := range want.Data {
					if g := got[i].F[n]; !(math.Abs(g-w) <= bound*max(1, math.Abs(w))) {
						t.Errorf("%q, T = %d, pos = %d: element %d of result %d is %v, want %v", target, c.Inputs[0].Shape[1], c.Pos, n, i, g, w)
						break
					}
				}
			}
		}
	}
}

// Real sizes go through all passes, and attention is one kernel, which on Metal
// reads the caches themselves.
func TestLlamaCompiles(t *testing.T) {
	for _, tokens := range []int{128, 1, 0} {
		for _, target := range []ir.Target{ir.CPU, ir.Metal} {
			p, err := Llama(Llama1B, tokens)
			if err != nil {
				t.Fatal(err)
			}
			m := p.Module()
			if err := passes.Run(m, target, nil); err != nil {
				t.Errorf("T = %d for %s: %v", tokens, target, err)
				continue
			}
			steps := m.Funcs[0].Variants[0].Steps
			t.Logf("T = %d for %s: %d launches", tokens, target, len(steps))
			attention := 0
			for _, s := range steps {
				stream := s.Kernel.Stream
				if stream == nil {
					continue
				}
				attention++
				for _, v := range []*ir.Scalar{stream.Key, stream.Value} {
					if target == ir.Metal && (v.Kind != ir.ScalarLoad || s.Args[v.Arg].Place != ir.InState) {
						t.Errorf("T = %d: v%d of %s is not loaded from a cache", tokens, v.ID, s.Kernel.Name)
					}
				}
			}
			if attention != 1 {
				t.Errorf("T = %d for %s: %d kernels are attention", tokens, target, attention)
			}
		}
	}
}
