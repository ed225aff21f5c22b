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
// values the caches [B, KV, S, D] hold, which are states. tokens is T, or 0 for a dim of at
// most 512.
func Llama(c LlamaConfig, tokens int) (*mlx.Program, error) {
	return c.program(tokens, func(l *llama, x value) value { return l.block(l.b.Block, x) })
}

// LlamaLayers is so many blocks, each with caches of its own.
func LlamaLayers(c LlamaConfig, tokens, layers int) (*mlx.Program, error) {
	return c.program(tokens, func(l *llama, x value) value {
		for i := range layers {
			x = l.block(l.b.Sub("layers").At(i), x)
		}
		return x
	})
}

// A llama is an entry that is being built of blocks.
type llama struct {
	LlamaConfig
	b        *mlx.Builder
	e        *mlx.Entry
	pos, end mlx.Dim
}

func (c LlamaConfig) program(tokens int, blocks func(l *llama, x value) value) (*mlx.Program, error) {
	b := mlx.New("llama")
	b.Dim("B", 8)
	T := mlx.N(tokens)
	if tokens == 0 {
		T = b.DimRange("T", 1, 512)
	} else {
		b.Const("T", tokens)
	}
	S := b.Dim("S", c.Context)
	b.Entry("run", func(e *mlx.Entry) {
		x := e.In("x", fmt.Sprintf("f32[B, T, %d]", c.Width))
		l := &llama{LlamaConfig: c, b: b, e: e, pos: e.DimIn("pos")}
		l.end = l.pos.Add(T)
		e.Where(l.end, ir.LE, S)
		e.Out("y", blocks(l, x))
	})
	return b.Build()
}

// block is the block of x whose weights and caches are below k.
func (l *llama) block(k *mlx.Block, x value) value {
	d := l.Width / l.Heads
	cache := func(name string) *mlx.State {
		return k.State(name, fmt.Sprintf("f32[B, %d, S, %d]", l.KV, d), ir.Constant(0))
	}
	keys, values := cache("k_cache"), cache("v_cache")
	norm := func(name string, x value) value {
		return mlx.RMSNorm(x, declare(k.Sub(name))("weight", l.Width), l.Eps)
	}
	linear := func(name string, in, out int, x value) value {
		return x.MatMul(declare(k.Sub(name))("weight", out, in).T())
	}
	heads := func(name string, n int, x value) value {
		return linear(name, l.Width, n*d, x).Rearrange("b t (h d) -> b h t d", mlx.Axes{"d": mlx.N(d)})
	}
	turned := func(x value) value { return mlx.RoPE(x, l.pos, mlx.RoPEOptions{Theta: l.Theta}) }

	h := norm("input_layernorm", x)
	q := turned(heads("self_attn.q_proj", l.Heads, h))
	at := mlx.Range(l.pos, l.end)
	keys.Set(keys.Get().SetAt(turned(heads("self_attn.k_proj", l.KV, h)), mlx.Every, mlx.Every, at))
	values.Set(values.Get().SetAt(heads("self_attn.v_proj", l.KV, h), mlx.Every, mlx.Every, at))
	seen := []mlx.Span{mlx.Every, mlx.Every, mlx.To(l.end)}
	y := mlx.Attention(q, keys.Get().At(seen...), values.Get().At(seen...), mlx.AttentionOptions{Causal: true})
	x = x.Add(linear("self_attn.o_proj", l.Width, l.Width, y.Rearrange("b h t d -> b t (h d)", nil)))

	h = norm("post_attention_layernorm", x)
	h = mlx.SiLU(linear("mlp.gate_proj", l.Width, l.Hidden, h)).Mul(linear("mlp.up_proj", l.Width, l.Hidden, h))
	return x.Add(linear("mlp.down_proj", l.Hidden, l.Width, h))
}
