package bench

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/mlxc/mlxc/runtime"
	"github.com/mlxc/mlxc/runtime/cpu"
)

// most is one more than the largest random integer. Indices out of range are
// clamped, so that any serve.
const most = 1024

// random fills the elements of an array: floats in (-scale, scale), integers from 0
// to most or what the dtype holds, bools. Equal seeds give equal numbers.
func random(d runtime.DType, to []byte, scale float64, seed uint64) {
	rng := rand.New(rand.NewPCG(1, seed))
	put, ok := puts[d]
	if !ok {
		put = func(b []byte, x float64) {
			n := uint64(math.Abs(x) * most)
			if len(b) == 1 {
				n &= 0x7f
			}
			var bytes [8]byte
			binary.LittleEndian.PutUint64(bytes[:], n)
			copy(b, bytes[:])
		}
		scale = 1
	}
	size := d.Size()
	for i := 0; i < len(to); i += size {
		put(to[i:i+size], scale*(2*rng.Float64()-1))
	}
}

// puts writes a number as an element of dtypes that are no integers.
var puts = map[runtime.DType]func(b []byte, x float64){
	runtime.F64: func(b []byte, x float64) { binary.LittleEndian.PutUint64(b, math.Float64bits(x)) },
	runtime.F32: func(b []byte, x float64) { binary.LittleEndian.PutUint32(b, math.Float32bits(float32(x))) },
	runtime.F16: func(b []byte, x float64) { binary.LittleEndian.PutUint16(b, cpu.F32ToF16(float32(x))) },
	runtime.BF16: func(b []byte, x float64) {
		binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(x))>>16))
	},
	runtime.Bool: func(b []byte, x float64) {
		b[0] = 0
		if x < 0 {
			b[0] = 1
		}
	},
}

// randomWeights is a checkpoint, as safetensors, with all params of a program. A
// number is the smaller the more elements a param has behind its first axis, so that
// sums of products do not grow from layer to layer. Those that have an initial value
// keep it.
func randomWeights(params []runtime.Param) []byte {
	type tensor struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]tensor{}
	end := 0
	var stored []runtime.Param
	for _, p := range params {
		if p.Init != nil {
			continue
		}
		n := p.DType.Size()
		for _, s := range p.Shape {
			n *= s
		}
		header[p.Name] = tensor{strings.ToUpper(p.DType.String()), append([]int{}, p.Shape...), [2]int{end, end + n}}
		end += n
		stored = append(stored, p)
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // strings and integers
	}
	for len(text)%64 != 56 { // data start at a multiple of 64, behind 8 bytes of length
		text = append(text, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	file = append(append(file, text...), make([]byte, end)...)
	for i, p := range stored {
		terms := 1
		for _, s := range p.Shape[min(1, len(p.Shape)):] {
			terms *= s
		}
		at := header[p.Name].Offsets
		random(p.DType, file[8+len(text)+at[0]:8+len(text)+at[1]], 1/math.Sqrt(float64(max(1, terms))), uint64(i))
	}
	return file
}
