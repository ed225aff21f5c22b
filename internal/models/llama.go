package models

import (
	"fmt"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A LlamaConfig is the sizes of a block of a Llama: those of Width are in heads of
// Width/Heads, and each of KV heads of keys and values serves Heads/KV of queries.
type LlamaConfig struct {
	Width, Hidden, Heads, KV int
	Theta, Eps               float64
	Context                  int64 // the most that a cache holds
}

// Llama1B has the sizes of a block of Llama 3.2 1B.
var Llama1B = LlamaConfig{Width: 2048, Hidden: 8192, Heads: 32, KV: 8, Theta: 500000, Eps: 1e-5, Context: 8192}

// Llama is one block: T tokens x [B, T, Width] behind pos others, whose keys and
// values the caches [B, KV, S, D] hold; the caches come back with those of the tokens
// from pos on. tokens is T, or 0 for a dim of at most 512.
func Llama(c LlamaConfig, tokens int) (*mlx.Program, error) {
	b := mlx.New("llama")
	b.Dim("B", 8)
	T := mlx.N(tokens)
	if tokens == 0 {
		T = b.DimRange("T", 1, 512)
	} else {
		b.Const("T", tokens)
	}
	S := b.Dim("S", c.Context)
	d := c.Width / c.Heads
	b.Entry("run", func(e *mlx.Entry) {
		x := e.In("x", fmt.Sprintf("f32[B, T, %d]", c.Width))
		cache := fmt.Sprintf("f32[B, %d, S, %d]", c.KV, d)
		keys, values := e.In("k_cache", cache), e.In("v_cache", cache)
		pos := e.DimIn("pos")
		end := pos.Add(T)
		e.Where(end, ir.LE, S)

		norm := func(name string, x value) value {
			return mlx.RMSNorm(x, declare(b.Sub(name))("weight", c.Width), c.Eps)
		}
		linear := func(name string, in, out int, x value) value {
			return x.MatMul(declare(b.Sub(name))("weight", out, in).T())
		}
		heads := func(name string, n int, x value) value {
			return linear(name, c.Width, n*d, x).Rearrange("b t (h d) -> b h t d", mlx.Axes{"d": mlx.N(d)})
		}
		turned := func(x value) value { return mlx.RoPE(x, pos, mlx.RoPEOptions{Theta: c.Theta}) }

		h := norm("input_layernorm", x)
		q := turned(heads("self_attn.q_proj", c.Heads, h))
		at := mlx.Range(pos, end)
		keys = keys.SetAt(turned(heads("self_attn.k_proj", c.KV, h)), mlx.Every, mlx.Every, at)
		values = values.SetAt(heads("self_attn.v_proj", c.KV, h), mlx.Every, mlx.Every, at)
		seen := []mlx.Span{mlx.Every, mlx.Every, mlx.To(end)}
		y := mlx.Attention(q, keys.At(seen...), values.At(seen...), mlx.AttentionOptions{Causal: true})
		x = x.Add(linear("self_attn.o_proj", c.Width, c.Width, y.Rearrange("b h t d -> b t (h d)", nil)))

		h = norm("post_attention_layernorm", x)
		h = mlx.SiLU(linear("mlp.gate_proj", c.Width, c.Hidden, h)).Mul(linear("mlp.up_proj", c.Width, c.Hidden, h))
		e.Out("y", x.Add(linear("mlp.down_proj", c.Hidden, c.Width, h)))
		e.Out("k_cache", keys)
		e.Out("v_cache", values)
	})
	return b.Build()
}
