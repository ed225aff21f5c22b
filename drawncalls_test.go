package mlxc_test

import (
	"testing"

	"github.com/mlxc/mlxc/runtime"
)

func mlpCalls(t *testing.T) []call {
	return []call{{"predict", nil, []*runtime.Array{draw(t, "x", 3, 784)}, []string{"probs", ""}}}
}

func lenetCalls(t *testing.T) []call {
	return []call{{"read", nil, []*runtime.Array{draw(t, "x", 2, 28, 28, 1)}, []string{"logits", ""}}}
}

func resnet18Calls(t *testing.T) []call {
	return []call{{"classify", nil, []*runtime.Array{draw(t, "x", 2, 64, 64, 3)}, []string{"logits", ""}}}
}

func kernelsCalls(t *testing.T) []call {
	inputs := []*runtime.Array{draw(t, "gate", 3, 100), draw(t, "up", 3, 100), draw(t, "w", 100)}
	return []call{{"hottest", nil, inputs, []string{"y", "hot"}}}
}

// rnnCalls read a text in two pieces, and write one behind its last word, which ends with a word.
func rnnCalls(name string, end int32) func(t *testing.T) []call {
	return func(t *testing.T) []call {
		text := drawTokens(t, "text", 30, 2, 7)
		return []call{
			{"read", nil, []*runtime.Array{columns(t, text, 0, 4)}, []string{name + "-first"}},
			{"read", nil, []*runtime.Array{columns(t, text, 4, 6)}, []string{name + "-rest"}},
			{"write", nil, []*runtime.Array{column(t, text, 6), arrayOf(t, runtime.I32, []int32{end})}, []string{name + "-text", name + "-n"}},
		}
	}
}

func unetCalls(t *testing.T) []call {
	number := func(x float32) *runtime.Array { return arrayOf(t, runtime.F32, []float32{x}) }
	z, text := draw(t, "z", 1, 8, 16, 4), draw(t, "text", 2, 7, 24)
	return []call{{"step", nil, []*runtime.Array{z, number(601), text, number(7.5), number(2.5), number(2)}, []string{"z"}}}
}

func vitCalls(t *testing.T) []call {
	return []call{{"classify", nil, []*runtime.Array{draw(t, "x", 2, 32, 32, 3)}, []string{"logits", ""}}}
}

// The text is written behind a prompt of five tokens, and then once more, token by token.
func whisperCalls(t *testing.T) []call {
	const half = 160 * 24
	sound := draw(t, "sound", 2, 2*half)
	for i, x := 0, data[float32](t, sound); i < 2; i++ { // what is heard of silence depends on the rest
		clear(x[(2*i+1)*half : (2*i+2)*half])
	}
	text := drawTokens(t, "text", 50, 2, 7)
	step := func(from, to int, want string) call {
		return call{"step", []int{from}, []*runtime.Array{columns(t, text, from, to)}, []string{want, ""}}
	}
	calls := []call{
		{"hear", nil, []*runtime.Array{sound}, []string{"mel"}},
		{"encode", nil, []*runtime.Array{draw(t, "mel", 2, 48, 20)}, []string{"audio"}},
		step(0, 5, "prompt"), step(5, 6, "fifth"), step(6, 7, "sixth"),
	}
	for i, want := range []string{"", "", "", "", "prompt", "fifth", "sixth"} {
		calls = append(calls, step(i, i+1, want))
	}
	return calls
}

// llamaCalls read a prompt in two pieces, and a token, that again with the texts in each other's
// place, and write one.
func llamaCalls(prefix string) func(t *testing.T) []call {
	return func(t *testing.T) []call {
		text := drawTokens(t, "text", 50, 2, 7)
		read := func(from, to int, want string) call {
			return call{"read", []int{from}, []*runtime.Array{columns(t, text, from, to)}, []string{want}}
		}
		cold, key := arrayOf(t, runtime.F32, []float32{0}), arrayOf(t, runtime.U32, []uint32{1, 2}, 2)
		swap := call{"reorder", nil, []*runtime.Array{arrayOf(t, runtime.I32, []int32{1, 0}, 2)}, nil}
		fifth := data[int32](t, column(t, text, 5))
		swapped := call{"read", []int{5}, []*runtime.Array{arrayOf(t, runtime.I32, []int32{fifth[1], fifth[0]}, 2, 1)}, []string{""}}
		return []call{
			read(0, 3, ""), read(3, 5, prefix+"prompt"), read(5, 6, prefix+"fifth"), swap, swapped, swap,
			{"write", []int{6}, []*runtime.Array{column(t, text, 6), cold, key}, []string{prefix + "next"}},
		}
	}
}

// bertCalls encode two texts, the second of which has three tokens less.
func bertCalls(t *testing.T) []call {
	seen := make([]bool, 2*9)
	for i := range seen {
		seen[i] = i%9 < 9-3*(i/9)
	}
	return []call{{"encode", nil, []*runtime.Array{
		drawTokens(t, "text", 60, 2, 9), drawTokens(t, "kind", 2, 2, 9), arrayOf(t, runtime.Bool, seen, 2, 9),
	}, []string{"hidden", "pooled"}}}
}

func clipCalls(want string) func(t *testing.T) []call {
	return func(t *testing.T) []call {
		return []call{{"encode", nil, []*runtime.Array{drawTokens(t, "text", 60, 2, 9)}, []string{want}}}
	}
}

func vaeCalls(t *testing.T) []call {
	return []call{{"decode", nil, []*runtime.Array{draw(t, "z", 2, 3, 5, 4)}, []string{"rgb"}}}
}
