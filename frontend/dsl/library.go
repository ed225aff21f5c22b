package dsl

import (
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/mlxc/mlxc/frontend/mlx"
	"github.com/mlxc/mlxc/ir"
)

// A Layer is a block of the library in a model that is built in Go. The packages nn, loss and
// optim of the builder are generated, and made of this.
type Layer struct {
	b    *mlx.Builder
	made *instance // nil after an error
}

// A Named is an argument by its name in the language. Its value is an int, float64, bool,
// mlx.Dim, mlx.DType, []mlx.Value, or an mlx.Value, which is none if absent.
type Named struct {
	Name  string
	Value any
}

// MakeLayer makes a block of a library at a place in the tree of names. What is wrong is
// recorded with the builder.
func MakeLayer(k *mlx.Block, library, block string, args ...Named) *Layer {
	l := &Layer{b: k.Builder()}
	inGo(l.b, func(c *context, at Span) {
		typ := c.library(library).scope.vars[block].(*blockType)
		l.made, _ = c.build(at, typ, arguments(at, args), k.Path()).(*instance)
	})
	return l
}

// Call gives the n results of a function of the layer; they are poisoned after an error.
func (l *Layer) Call(n int, fn string, args ...Named) []mlx.Value {
	return callInGo(l.b, n, func(c *context, at Span) value {
		if l.made == nil {
			return poison{}
		}
		return c.callFunction(at, l.made.scope.vars[fn].(*function), arguments(at, args))
	})
}

// CallLibrary gives the n results of a function of a library, or the elements of the list
// that it gives if n is -1. The model is that of the tensors among the arguments; without
// any, the results are absent.
func CallLibrary(n int, library, fn string, args ...Named) []mlx.Value {
	b := builderOf(args)
	if b == nil {
		return make([]mlx.Value, max(n, 0))
	}
	return callInGo(b, n, func(c *context, at Span) value {
		return c.callFunction(at, c.library(library).scope.vars[fn].(*function), arguments(at, args))
	})
}

func builderOf(args []Named) *mlx.Builder {
	for _, a := range args {
		xs, _ := a.Value.([]mlx.Value)
		if x, ok := a.Value.(mlx.Value); ok {
			xs = []mlx.Value{x}
		}
		for _, x := range xs {
			if x.Ok() {
				return x.Builder()
			}
		}
	}
	return nil
}

func callInGo(b *mlx.Builder, n int, call func(c *context, at Span) value) []mlx.Value {
	var got []value
	inGo(b, func(c *context, at Span) {
		v := call(c, at)
		var several bool
		if got, several = unpack(v); !several {
			got = []value{v}
		}
	})
	if n < 0 {
		n = len(got)
	}
	out := make([]mlx.Value, n)
	for i := range out {
		out[i] = b.Poison()
		if i < len(got) {
			if v, ok := got[i].(mlx.Value); ok {
				out[i] = v
			}
		}
	}
	return out
}

// inGo does something in the language for a line of a model in Go, which at is.
func inGo(b *mlx.Builder, do func(c *context, at Span)) {
	pos := b.Here()
	defer b.SetPos(pos)()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(giveUp); !ok {
				panic(r)
			}
		}
	}()
	m := b.Once("the library", func() any {
		c := &compiler{b: b, files: map[string]*source{}}
		c.prelude = c.open(preludeFile, nil, true)
		c.runFile(c.prelude, "")
		return c
	}).(*compiler)
	c := &context{compiler: m, scope: &scope{vars: map[string]value{}}, policy: policy{device: b.Device()}}
	c.policy.compute, c.policy.accum = b.Said()
	if e := b.Building(); e != nil {
		c.entry = &entry{Entry: e, facts: map[string]bool{}}
	}
	do(c, Span{Pos: lexer.Position{Filename: pos.File, Line: pos.Line, Column: pos.Col}, End: pos.End})
}

// library is a file of the standard library, which has run.
func (c *compiler) library(name string) *source {
	s := c.open(name+".mlx", nil, true)
	if !s.ran {
		c.runFile(s, name)
	}
	return s
}

// arguments are values of Go as those of the language.
func arguments(at Span, args []Named) []argument {
	out := make([]argument, len(args))
	for i, a := range args {
		out[i] = argument{a.Name, a.value(), at}
	}
	return out
}

func (a Named) value() value {
	switch v := a.Value.(type) {
	case int:
		return ir.N(int64(v))
	case mlx.Value:
		switch {
		case !v.Ok():
			return none{}
		case v.Poisoned():
			return poison{}
		}
	case []mlx.Value:
		var items list
		for _, x := range v {
			items = append(items, Named{"", x}.value())
		}
		return items
	}
	return a.Value
}
