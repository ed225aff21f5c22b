package metal

import (
	"fmt"
	"strings"

	"github.com/mlxc/mlxc/ir"
)

// names gives a kernel, its arguments, dims and axes identifiers that are
// Metal's and distinct.
type names struct {
	kernel string
	arg    []string
	dim    map[string]string
	axis   map[string]string
}

// taken are words that the text uses, keywords, and names of the library.
const taken = `point p dims return if else for while do switch case default break continue goto
	kernel vertex fragment device constant thread threadgroup const volatile static struct union enum class template typename
	using namespace void bool char uchar short ushort int uint long ulong half float double bfloat true false sizeof auto
	and or xor not new delete this operator public private abs acos acosh asin asinh atan atanh ceil clamp copysign cos cosh
	exp exp2 floor fma fmod isinf isnan ldexp log log2 max min pow popcount rint rsqrt select sign sin sinh sqrt tan tanh trunc
	INFINITY NAN metal as_type signed unsigned inline extern register typedef try catch throw virtual friend explicit`

func newNames(k *ir.Kernel) *names {
	used := map[string]bool{}
	for _, w := range strings.Fields(taken) {
		used[w] = true
	}
	unique := func(want string) string {
		base := identifier(want)
		for name, i := base, 2; ; name, i = fmt.Sprintf("%s_%d", base, i), i+1 {
			if !used[name] {
				used[name] = true
				return name
			}
		}
	}
	n := &names{kernel: unique(k.Name), dim: map[string]string{}, axis: map[string]string{}}
	for _, d := range k.Dims {
		n.dim[d.Name] = unique(d.Name)
	}
	for _, a := range k.Args {
		n.arg = append(n.arg, unique(a.Name))
	}
	for _, a := range k.Axes() {
		n.axis[a.Name] = unique(a.Name)
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
