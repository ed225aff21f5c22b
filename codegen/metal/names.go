package metal

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// names gives a kernel's arguments, dims and axes identifiers that are Metal's and
// distinct.
type names struct {
	used
	arg  []string
	dim  map[string]string
	axis map[string]string
}

// ours are words that our text uses, taken keywords and names of the library.
const ours = `point group tid sgid lane at dims e step flat other acc mi ni ki m0 n0 k0 i j row column tileA tileB tileM tileN fragA fragB sums term down inner outer`
const taken = `return if else for while do switch case default break continue goto
	kernel vertex fragment device constant thread threadgroup const volatile static struct union enum class template typename
	using namespace void bool char uchar short ushort int uint long ulong half float double bfloat true false sizeof auto
	and or xor not new delete this operator public private abs acos acosh asin asinh atan atanh ceil clamp copysign cos cosh
	exp exp2 floor fma fmod isinf isnan ldexp log log2 max min pow popcount rint rsqrt select sign sin sinh sqrt tan tanh trunc
	INFINITY NAN metal as_type signed unsigned inline extern register typedef try catch throw virtual friend explicit
	precise fast main float4 half4 bfloat4 int4 uint2 uint4 uchar4 ushort4`

// used holds the identifiers that a scope has.
type used map[string]bool

// words are what no scope may use.
func words() used {
	u := used{}
	for _, w := range strings.Fields(ours + " " + taken) {
		u[w] = true
	}
	for _, h := range helpers {
		for t := range computed {
			u[helperName(h.fn, t)] = true
		}
	}
	return u
}

// unique makes an identifier like want that is not there yet.
func (u used) unique(want string) string {
	base := identifier(want)
	for name, i := base, 2; ; name, i = fmt.Sprintf("%s_%d", base, i), i+1 {
		if !u[name] {
			u[name] = true
			return name
		}
	}
}

// newNames names what a kernel of the given name has.
func newNames(k *ir.Kernel, name string) *names {
	n := &names{used: words(), dim: map[string]string{}, axis: map[string]string{}}
	n.used[name] = true
	if k.Stream != nil {
		for _, w := range strings.Fields(streamWords) {
			n.used[w] = true
		}
	}
	if c := k.Contract; c != nil {
		for i := range c.Rights {
			for _, w := range []string{"tileB", "sums", "fragB", "acc"} {
				n.used[nth(w, i)] = true
			}
		}
	}
	for _, d := range k.Dims {
		n.dim[d.Name] = n.unique(d.Name)
	}
	for _, a := range k.Args {
		n.arg = append(n.arg, n.unique(a.Name))
	}
	for _, a := range k.Axes() {
		n.axis[a.Name] = n.unique(a.Name)
	}
	return n
}

// identifier keeps letters and digits, without two underscores in a row, which
// C++ reserves. Names like v12, v12Best belong to scalars.
func identifier(s string) string {
	var b strings.Builder
	for _, r := range s {
		ok := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if ok {
			b.WriteRune(r)
		} else if t := b.String(); t != "" && !strings.HasSuffix(t, "_") {
			b.WriteByte('_')
		}
	}
	s = strings.TrimRight(b.String(), "_")
	if s == "" || s[0] >= '0' && s[0] <= '9' || s[0] == 'v' && len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		return "x" + s
	}
	return s
}
