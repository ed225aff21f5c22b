package ir

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each rule with an instruction that breaks it; the op is in its id.
var brokenRules = []struct {
	rule, attrs string
	args        []string
}{
	{"const/operands", "value=1, dtype=f32, shape=[]", []string{"f32"}},
	{"const/value", "value=256, dtype=u8, shape=[]", nil},
	{"const/value", "value=0.5, dtype=i32, shape=[]", nil},
	{"const/value", "value=9223372036854775808, dtype=i64, shape=[]", nil},
	{"const/value", "value=2, dtype=bool, shape=[]", nil},
	{"const/value", "value=0, dtype=invalid, shape=[]", nil},
	{"iota/operands", "dtype=i32, shape=[3], axis=0", []string{"f32"}},
	{"iota/axis", "dtype=i32, shape=[3], axis=1", nil},
	{"iota/axis", "dtype=bool, shape=[3], axis=0", nil},

	{"weight/operands", "param=@w", []string{"f32"}},
	{"read/operands", "state=@s, shape=[3]", []string{"f32"}},
	{"read/shape", "state=@s, shape=[3, 3]", nil},
	{"read/shape", "state=@w, shape=[3]", nil},

	{"kernel/operands", "source=@k, types=[f32[2]], dtypes=[], sizes=[], numbers=[], grid=[32], group=[32]", nil},
	{"kernel/operands", "source=@k, types=[], dtypes=[], sizes=[], numbers=[], grid=[32], group=[32]", []string{"f32[2]"}},
	{"kernel/operands", "source=@k, types=[f32[2]], dtypes=[], sizes=[], numbers=[], grid=[32], group=[32]", []string{"f32[2]", "f32[3]"}},
	{"kernel/group", "source=@k, types=[f32[2]], dtypes=[], sizes=[], numbers=[], grid=[32], group=[]", []string{"f32[2]"}},
	{"kernel/group", "source=@k, types=[f32[2]], dtypes=[], sizes=[], numbers=[], grid=[32], group=[N]", []string{"f32[2]"}},
	{"kernel/group", "source=@k, types=[f32[2]], dtypes=[], sizes=[], numbers=[], grid=[32], group=[48]", []string{"f32[2]"}},

	{"cast/operands", "dtype=f32", nil},
	{"cast/dtype", "dtype=invalid", []string{"f32[2]"}},
	{"where/operands", "", []string{"bool[2]", "f32[2]"}},
	{"where/dtype", "", []string{"u8[2]", "f32[2]", "f32[2]"}},
	{"where/same", "", []string{"bool[2]", "f32[2]", "f16[2]"}},
	{"where/shape", "", []string{"bool[1]", "f32[2]", "f32[2]"}},

	{"reshape/operands", "shape=[2]", nil},
	{"reshape/elements", "shape=[N, 2]", []string{"f32[N, 3]"}},
	{"transpose/operands", "perm=[0]", nil},
	{"transpose/axis", "perm=[0, 0]", []string{"f32[2, 3]"}},
	{"transpose/axis", "perm=[0, 2]", []string{"f32[2, 3]"}},
	{"transpose/axis", "perm=[-1, 0]", []string{"f32[2, 3]"}},
	{"transpose/perm", "perm=[0]", []string{"f32[2, 3]"}},
	{"broadcast/operands", "shape=[2]", nil},
	{"broadcast/shape", "shape=[B, 3]", []string{"f32[N, 3]"}},
	{"broadcast/shape", "shape=[3]", []string{"f32[1, 3]"}},
	{"slice/operands", "start=[], step=[], size=[]", nil},
	{"slice/range", "start=[0], step=[1], size=[]", []string{"f32[4]"}},
	{"slice/range", "start=[1], step=[1], size=[4]", []string{"f32[4]"}},
	{"slice/range", "start=[0], step=[2], size=[3]", []string{"f32[4]"}},
	{"slice/range", "start=[0], step=[0], size=[1]", []string{"f32[4]"}},
	{"slice/range", "start=[0 - 1], step=[1], size=[1]", []string{"f32[4]"}},
	{"slice/range", "start=[0], step=[1], size=[1]", []string{"f32[B]"}},
	{"update/operands", "axis=0, start=0", []string{"f32[4]"}},
	{"update/axis", "axis=1, start=0", []string{"f32[4]", "f32[2]"}},
	{"update/same", "axis=0, start=0", []string{"f32[4]", "f16[2]"}},
	{"update/same", "axis=0, start=0", []string{"f32[4, 3]", "f32[2, 2]"}},
	{"update/range", "axis=0, start=3", []string{"f32[4]", "f32[2]"}},
	{"update/range", "axis=0, start=0 - 1", []string{"f32[4]", "f32[2]"}},
	{"update/range", "axis=0, start=B", []string{"f32[64]", "f32[2]"}},
	{"pad/operands", "lo=[], hi=[], value=0", nil},
	{"pad/width", "lo=[1], hi=[0], value=0", []string{"f32[4, 4]"}},
	{"pad/width", "lo=[-1], hi=[0], value=0", []string{"f32[4]"}},
	{"pad/value", "lo=[1], hi=[0], value=0.5", []string{"i32[4]"}},
	{"concat/operands", "axis=0", nil},
	{"concat/axis", "axis=1", []string{"f32[4]"}},
	{"concat/same", "axis=0", []string{"f32[4, 2]", "f32[4, 3]"}},
	{"concat/same", "axis=0", []string{"f32[4]", "i32[4]"}},
	{"concat/same", "axis=0", []string{"f32[4]", "f32[4, 1]"}},

	{"take/operands", "axis=0", []string{"f32[4]"}},
	{"take/index", "axis=0", []string{"f32[4]", "f32[4]"}},
	{"take/axis", "axis=1", []string{"f32[4]", "i32[4]"}},
	{"take/empty", "axis=0", []string{"f32[0]", "i32[4]"}},
	{"gather/operands", "axis=0", []string{"f32[4]"}},
	{"gather/index", "axis=0", []string{"f32[4]", "f32[4]"}},
	{"gather/axis", "axis=1", []string{"f32[4]", "i32[4]"}},
	{"gather/shape", "axis=0", []string{"f32[0]", "i32[4]"}},
	{"gather/shape", "axis=0", []string{"f32[4, 2]", "i32[4, 3]"}},
	{"gather/shape", "axis=0", []string{"f32[4, 2]", "i32[4]"}},
	{"merge/operands", "axis=0, count=1, descending=true", nil},
	{"merge/dtype", "axis=0, count=1, descending=true", []string{"bool[4]"}},
	{"merge/axis", "axis=1, count=1, descending=true", []string{"f32[4]"}},
	{"merge/halves", "axis=0, count=1, descending=true", []string{"f32[3]"}},
	{"merge/halves", "axis=0, count=5, descending=true", []string{"f32[4]"}},
	{"merge/halves", "axis=0, count=0, descending=true", []string{"f32[4]"}},
	{"merge/halves", "axis=0, count=1, descending=true", []string{"f32[B]"}},
	{"scatter/operands", "axis=0", []string{"f32[4]", "i32[2]"}},
	{"scatter/index", "axis=0", []string{"f32[4]", "f32[2]", "f32[2]"}},
	{"scatter/axis", "axis=1", []string{"f32[4]", "i32[2]", "f32[2]"}},
	{"scatter/shape", "axis=0", []string{"f32[4]", "i32[2]", "f32[3]"}},
	{"scatter/shape", "axis=0", []string{"f32[4]", "i32[2]", "f16[2]"}},
	{"scatter/shape", "axis=0", []string{"f32[4, 3]", "i32[2, 2]", "f32[2, 2]"}},
	{"scatter/size", "axis=0", []string{"f32[4]", "i32[B - 2]", "f32[B - 2]"}},
	{"scatter_add/operands", "axis=0", nil},
	{"scatter_add/index", "axis=0", []string{"f32[4]", "f32[2]", "f32[2]"}},
	{"scatter_add/axis", "axis=1", []string{"f32[4]", "i32[2]", "f32[2]"}},
	{"scatter_add/shape", "axis=0", []string{"f32[4]", "i32[2, 2]", "f32[2, 2]"}},
	{"scatter_add/dtype", "axis=0", []string{"bool[4]", "i32[2]", "bool[2]"}},
	{"scatter_add/size", "axis=0", []string{"f32[4]", "i32[B - 2]", "f32[B - 2]"}},
	{"cumsum/operands", "axis=0, exclusive=false, reverse=false", nil},
	{"cumsum/dtype", "axis=0, exclusive=false, reverse=false", []string{"bool[4]"}},
	{"cumsum/axis", "axis=1, exclusive=false, reverse=false", []string{"f32[4]"}},
	{"cumsum/size", "axis=0, exclusive=false, reverse=false", []string{"f32[B - 2]"}},
	{"cumprod/operands", "axis=0, exclusive=false, reverse=false", nil},
	{"cumprod/dtype", "axis=0, exclusive=false, reverse=false", []string{"bool[4]"}},
	{"cumprod/axis", "axis=1, exclusive=false, reverse=false", []string{"f32[4]"}},
	{"cumprod/size", "axis=0, exclusive=false, reverse=false", []string{"f32[B - 2]"}},
	{"sort/operands", "axis=0, descending=false", nil},
	{"sort/dtype", "axis=0, descending=false", []string{"bool[4]"}},
	{"sort/axis", "axis=1, descending=false", []string{"f32[4]"}},
	{"sort/size", "axis=0, descending=false", []string{"f32[B - 2]"}},
	{"argsort/operands", "axis=0, descending=false", nil},
	{"argsort/dtype", "axis=0, descending=false", []string{"bool[4]"}},
	{"argsort/axis", "axis=1, descending=false", []string{"f32[4]"}},
	{"argsort/size", "axis=0, descending=false", []string{"f32[B - 2]"}},
	{"topk/operands", "axis=0, k=2", nil},
	{"topk/dtype", "axis=0, k=2", []string{"bool[4]"}},
	{"topk/axis", "axis=1, k=2", []string{"f32[4]"}},
	{"topk/k", "axis=0, k=0", []string{"f32[4]"}},
	{"topk/k", "axis=0, k=5", []string{"f32[4]"}},
	{"topk/k", "axis=0, k=2", []string{"f32[N]"}},
	{"argtopk/operands", "axis=0, k=2", nil},
	{"argtopk/dtype", "axis=0, k=2", []string{"bool[4]"}},
	{"argtopk/axis", "axis=1, k=2", []string{"f32[4]"}},
	{"argtopk/k", "axis=0, k=0", []string{"f32[4]"}},
	{"argtopk/k", "axis=0, k=5", []string{"f32[4]"}},
	{"argtopk/k", "axis=0, k=2", []string{"f32[N]"}},

	{"sum/dtype", "axes=[0], keep=false", []string{"bool[4]"}},
	{"prod/dtype", "axes=[0], keep=false", []string{"bool[4]"}},
	{"max/dtype", "axes=[0], keep=false", []string{"bool[4]"}},
	{"max/empty", "axes=[1], keep=false", []string{"f32[4, 0]"}},
	{"min/dtype", "axes=[0], keep=false", []string{"bool[4]"}},
	{"min/empty", "axes=[1], keep=false", []string{"f32[4, 0]"}},
	{"mean/dtype", "axes=[0], keep=false", []string{"i32[4]"}},
	{"any/dtype", "axes=[0], keep=false", []string{"u8[4]"}},
	{"all/dtype", "axes=[0], keep=false", []string{"f32[4]"}},
	{"var/dtype", "axes=[0], keep=false", []string{"i32[4]"}},
	{"argmax/operands", "axis=0, keep=false", nil},
	{"argmax/dtype", "axis=0, keep=false", []string{"bool[4]"}},
	{"argmax/axis", "axis=1, keep=false", []string{"f32[4]"}},
	{"argmax/empty", "axis=0, keep=false", []string{"f32[0]"}},
	{"argmin/operands", "axis=0, keep=false", nil},
	{"argmin/dtype", "axis=0, keep=false", []string{"bool[4]"}},
	{"argmin/axis", "axis=-1, keep=false", []string{"f32[4]"}},
	{"argmin/empty", "axis=0, keep=false", []string{"f32[0]"}},

	{"max_pool/operands", "size=[2], stride=[2], pad=[0]", nil},
	{"max_pool/dtype", "size=[2], stride=[2], pad=[0]", []string{"i32[1, 4, 1]"}},
	{"max_pool/window", "size=[2], stride=[2], pad=[0]", []string{"f32[1, 4]"}},
	{"max_pool/window", "size=[2, 2], stride=[2], pad=[0]", []string{"f32[1, 4, 4, 1]"}},
	{"max_pool/window", "size=[2], stride=[0], pad=[0]", []string{"f32[1, 4, 1]"}},
	{"max_pool/window", "size=[2], stride=[1], pad=[2]", []string{"f32[1, 4, 1]"}},
	{"max_pool/window", "size=[5], stride=[1], pad=[0]", []string{"f32[1, 4, 1]"}},
	{"avg_pool/operands", "size=[2], stride=[2], pad=[0]", nil},
	{"avg_pool/dtype", "size=[2], stride=[2], pad=[0]", []string{"i32[1, 4, 1]"}},
	{"avg_pool/window", "size=[0], stride=[1], pad=[0]", []string{"f32[1, 4, 1]"}},

	{"matmul/operands", "acc=f32", []string{"f32[2, 3]"}},
	{"matmul/dtype", "acc=f32", []string{"bool[2, 3]", "bool[3, 2]"}},
	{"matmul/dtypes", "acc=f32", []string{"f32[2, 3]", "f16[3, 2]"}},
	{"matmul/rank", "acc=f32", []string{"f32[2, 3]", "f32[3]"}},
	{"matmul/inner", "acc=f32", []string{"f32[2, 3]", "f32[4, 2]"}},
	{"matmul/batch", "acc=f32", []string{"f32[B, 2, 3]", "f32[N, 3, 2]"}},
	{"matmul/acc", "acc=i32", []string{"f32[2, 3]", "f32[3, 2]"}},
	{"conv/operands", "stride=[1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"f32[1, 4, 1]"}},
	{"conv/dtype", "stride=[1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"bool[1, 4, 1]", "bool[1, 2, 1]"}},
	{"conv/dtypes", "stride=[1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"f32[1, 4, 1]", "f16[1, 2, 1]"}},
	{"conv/rank", "stride=[1, 1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"f32[1, 4, 1]", "f32[1, 2, 1]"}},
	{"conv/window", "stride=[1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"f32[1, 4, 1]", "f32[1, N, 1]"}},
	{"conv/window", "stride=[1], pad=[0], dilation=[3], groups=1, acc=f32", []string{"f32[1, 3, 1]", "f32[1, 2, 1]"}},
	{"conv/channels", "stride=[1], pad=[0], dilation=[1], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f32[1, 2, 1]"}},
	{"conv/channels", "stride=[1], pad=[0], dilation=[1], groups=2, acc=f32", []string{"f32[1, 4, 2]", "f32[3, 2, 1]"}},
	{"conv/channels", "stride=[1], pad=[0], dilation=[1], groups=0, acc=f32", []string{"f32[1, 4, 2]", "f32[1, 2, 2]"}},
	{"conv/acc", "stride=[1], pad=[0], dilation=[1], groups=1, acc=i8", []string{"f32[1, 4, 1]", "f32[1, 2, 1]"}},

	{"softmax/operands", "axis=0, acc=f32", nil},
	{"softmax/dtype", "axis=0, acc=f32", []string{"i32[4]"}},
	{"softmax/axis", "axis=1, acc=f32", []string{"f32[4]"}},
	{"softmax/empty", "axis=0, acc=f32", []string{"f32[0]"}},
	{"softmax/acc", "axis=0, acc=i32", []string{"f32[4]"}},
	{"log_softmax/operands", "axis=0, acc=f32", nil},
	{"log_softmax/dtype", "axis=0, acc=f32", []string{"i32[4]"}},
	{"log_softmax/axis", "axis=1, acc=f32", []string{"f32[4]"}},
	{"log_softmax/empty", "axis=0, acc=f32", []string{"f32[0]"}},
	{"log_softmax/acc", "axis=0, acc=i32", []string{"f32[4]"}},
	{"layer_norm/operands", "eps=1, acc=f32", []string{"f32[4]"}},
	{"layer_norm/dtype", "eps=1, acc=f32", []string{"i32[4]", "f32[4]", "f32[4]"}},
	{"layer_norm/channels", "eps=1, acc=f32", []string{"f32[4, 3]", "f32[4]", "f32[3]"}},
	{"layer_norm/acc", "eps=1, acc=bool", []string{"f32[4]", "f32[4]", "f32[4]"}},
	{"rms_norm/operands", "eps=1, acc=f32", []string{"f32[4]"}},
	{"rms_norm/dtype", "eps=1, acc=f32", []string{"i32[4]", "f32[4]"}},
	{"rms_norm/channels", "eps=1, acc=f32", []string{"f32", "f32[4]"}},
	{"rms_norm/acc", "eps=1, acc=bool", []string{"f32[4]", "f32[4]"}},
	{"group_norm/operands", "groups=1, eps=1, acc=f32", []string{"f32[1, 4]"}},
	{"group_norm/dtype", "groups=1, eps=1, acc=f32", []string{"i32[1, 4]", "f32[4]", "f32[4]"}},
	{"group_norm/channels", "groups=1, eps=1, acc=f32", []string{"f32[4]", "f32[4]", "f32[4]"}},
	{"group_norm/groups", "groups=3, eps=1, acc=f32", []string{"f32[1, 4]", "f32[4]", "f32[4]"}},
	{"group_norm/acc", "groups=1, eps=1, acc=u8", []string{"f32[1, 4]", "f32[4]", "f32[4]"}},
	{"batch_norm/operands", "eps=1, acc=f32", []string{"f32[4]"}},
	{"batch_norm/dtype", "eps=1, acc=f32", []string{"i32[4]", "f32[4]", "f32[4]", "f32[4]", "f32[4]"}},
	{"batch_norm/channels", "eps=1, acc=f32", []string{"f32[4]", "f32[4]", "f32[4]", "i32[4]", "f32[4]"}},
	{"batch_norm/acc", "eps=1, acc=i64", []string{"f32[4]", "f32[4]", "f32[4]", "f32[4]", "f32[4]"}},

	{"attention/operands", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]"}},
	{"attention/operands", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]"}},
	{"attention/dtype", "scale=1, causal=true, acc=f32", []string{"i32[2, 4, 3, 8]", "i32[2, 2, 5, 8]", "i32[2, 2, 5, 8]"}},
	{"attention/dtypes", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f16[2, 2, 5, 8]"}},
	{"attention/shapes", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 5, 8]"}},
	{"attention/shapes", "scale=1, causal=true, acc=f32", []string{"f32[1, 2, B - 2, 4]", "f32[1, 2, 3, 4]", "f32[1, 2, 3, 4]"}},
	{"attention/shapes", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 6]", "f32[2, 2, 5, 6]"}},
	{"attention/shapes", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 4, 8]"}},
	{"attention/shapes", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[1, 2, 5, 8]", "f32[1, 2, 5, 8]"}},
	{"attention/heads", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 3, 5, 8]", "f32[2, 3, 5, 8]"}},
	{"attention/mask", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]", "i32[3, 5]"}},
	{"attention/mask", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]", "f32[5, 3]"}},
	{"attention/mask", "scale=1, causal=true, acc=f32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]", "f32[1, 2, 4, 3, 5]"}},
	{"attention/acc", "scale=1, causal=true, acc=i32", []string{"f32[2, 4, 3, 8]", "f32[2, 2, 5, 8]", "f32[2, 2, 5, 8]"}},
	{"rope/operands", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", nil},
	{"rope/dtype", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"i32[3, 4]"}},
	{"rope/pairs", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[4]"}},
	{"rope/pairs", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 5]"}},
	{"rope/pairs", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 2*B]"}},
	{"rope/pos", "pos=B - 1, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]"}},
	{"rope/pos", "pos=1, theta=10, interleaved=true, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[B - 2, 4]"}},
	{"rope/pos", "pos=1, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]", "i32[3]"}},
	{"rope/pos", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]", "f32[3]"}},
	{"rope/pos", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]", "i32[4]"}},
	{"rope/pos", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]", "i32[3, 3]"}},
	{"rope/pos", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[2, 3, 4]", "i32[3, 3]"}},
	{"rope/numbers", "pos=0, theta=0, interleaved=false, factor=1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]"}},
	{"rope/numbers", "pos=0, theta=10, interleaved=false, factor=-1, low=1, high=4, context=0, acc=f32", []string{"f32[3, 4]"}},
	{"rope/numbers", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=1, context=8, acc=f32", []string{"f32[3, 4]"}},
	{"rope/numbers", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=-8, acc=f32", []string{"f32[3, 4]"}},
	{"rope/acc", "pos=0, theta=10, interleaved=false, factor=1, low=1, high=4, context=0, acc=i32", []string{"f32[3, 4]"}},
	{"cross_entropy/operands", "acc=f32", []string{"f32[3, 4]"}},
	{"cross_entropy/dtype", "acc=f32", []string{"i32[3, 4]", "i32[3]"}},
	{"cross_entropy/labels", "acc=f32", []string{"f32[3, 4]", "f32[3]"}},
	{"cross_entropy/labels", "acc=f32", []string{"f32[3, 4]", "i32[4]"}},
	{"cross_entropy/labels", "acc=f32", []string{"f32", "i32"}},
	{"cross_entropy/empty", "acc=f32", []string{"f32[3, 0]", "i32[3]"}},
	{"conv_winograd/operands", "pad=[1, 1], acc=f32", []string{"f32[1, 4, 4, 2]"}},
	{"conv_winograd/dtype", "pad=[1, 1], acc=f32", []string{"i32[1, 4, 4, 2]", "i32[3, 3, 3, 2]"}},
	{"conv_winograd/dtypes", "pad=[1, 1], acc=f32", []string{"f32[1, 4, 4, 2]", "f16[3, 3, 3, 2]"}},
	{"conv_winograd/shapes", "pad=[1, 1], acc=f32", []string{"f32[1, 4, 4, 2]", "f32[3, 3, 5, 2]"}},
	{"conv_winograd/shapes", "pad=[1, 1], acc=f32", []string{"f32[1, 4, 4, 2]", "f32[3, 3, 3, 1]"}},
	{"conv_winograd/shapes", "pad=[1], acc=f32", []string{"f32[1, 4, 4, 2]", "f32[3, 3, 3, 2]"}},
	{"conv_winograd/shapes", "pad=[1, 0], acc=f32", []string{"f32[1, 4, 2, 2]", "f32[3, 3, 3, 2]"}},
	{"conv_winograd/shapes", "pad=[1, 0], acc=f32", []string{"f32[1, 4, N, 2]", "f32[3, 3, 3, 2]"}},
	{"conv_winograd/shapes", "pad=[-1, 0], acc=f32", []string{"f32[1, 8, 8, 2]", "f32[3, 3, 3, 2]"}},
	{"conv_winograd/acc", "pad=[1, 1], acc=bool", []string{"f32[1, 4, 4, 2]", "f32[3, 3, 3, 2]"}},
	{"conv_transpose/operands", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, 4, 2]"}},
	{"conv_transpose/dtype", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"bool[1, 4, 2]", "bool[3, 3, 2]"}},
	{"conv_transpose/dtypes", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f16[3, 3, 2]"}},
	{"conv_transpose/rank", "stride=[1, 1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f32[3, 3, 2]"}},
	{"conv_transpose/window", "stride=[2], pad=[0], dilation=[1], outPad=[2], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f32[3, 3, 2]"}},
	{"conv_transpose/window", "stride=[1], pad=[4], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f32[3, 3, 2]"}},
	{"conv_transpose/window", "stride=[4], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, B, 2]", "f32[3, 3, 2]"}},
	{"conv_transpose/channels", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=2, acc=f32", []string{"f32[1, 4, 4]", "f32[3, 3, 2]"}},
	{"conv_transpose/channels", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=f32", []string{"f32[1, 4, 2]", "f32[3, 3, 3]"}},
	{"conv_transpose/acc", "stride=[1], pad=[0], dilation=[1], outPad=[0], groups=1, acc=bool", []string{"f32[1, 4, 2]", "f32[3, 3, 2]"}},
	{"threefry/operands", "shape=[3]", nil},
	{"threefry/key", "shape=[3]", []string{"i32[2]"}},
	{"threefry/key", "shape=[3]", []string{"u32[3]"}},
	{"threefry/key", "shape=[3]", []string{"u32[1, 2]"}},
	{"threefry/count", "shape=[65536, 65536]", []string{"u32[2]"}},
	{"threefry/count", "shape=[1073741824, B]", []string{"u32[2]"}},
	{"fft/operands", "inverse=false, acc=f32", nil},
	{"fft/dtype", "inverse=false, acc=f32", []string{"i32[4, 2]"}},
	{"fft/shape", "inverse=false, acc=f32", []string{"f32[2]"}},
	{"fft/shape", "inverse=false, acc=f32", []string{"f32[4, 3]"}},
	{"fft/shape", "inverse=false, acc=f32", []string{"f32[N, 2]"}},
	{"fft/shape", "inverse=false, acc=f32", []string{"f32[32769, 2]"}},
	{"fft/acc", "inverse=false, acc=i32", []string{"f32[4, 2]"}},
	{"dequant/format", "format=f16", []string{"u8[2, 34]"}},
	{"dequant/planes", "format=q8_0", []string{"u8[2, 35]"}},
	{"dequant/planes", "format=q8_0", []string{"u8[34]"}},
	{"dequant/planes", "format=q8_0", []string{"u8"}},
	{"dequant/planes", "format=q8_0", []string{"i8[2, 34]"}},
	{"dequant/planes", "format=q8_0", nil},
	{"dequant/planes", "format=q4g64", []string{"u32[2, 16]", "f16[2, 2]"}},
	{"dequant/planes", "format=q4g64", []string{"u32[2, 16]", "f16[2, 2]", "f16[2, 3]"}},
	{"dequant/planes", "format=q4g64", []string{"u32[2, 4]", "f16[2, 1]", "f16[2, 1]"}},
	{"quantize/operands", "format=q4g64, plane=0", nil},
	{"quantize/dtype", "format=q4g64, plane=0", []string{"i32[2, 64]"}},
	{"quantize/format", "format=q8_0, plane=0", []string{"f32[2, 64]"}},
	{"quantize/format", "format=f16, plane=0", []string{"f32[2, 64]"}},
	{"quantize/plane", "format=q4g64, plane=3", []string{"f32[2, 64]"}},
	{"quantize/plane", "format=q4g64, plane=-1", []string{"f32[2, 64]"}},
	{"quantize/shape", "format=q4g64, plane=0", []string{"f32[2, 32]"}},
	{"quantize/shape", "format=q4g64, plane=0", []string{"f32[64]"}},
	{"flip/operands", "axes=[0]", []string{"f32[3]", "f32[3]"}},
	{"flip/axis", "axes=[1]", []string{"f32[3]"}},
	{"cross_entropy/acc", "acc=bool", []string{"f32[3, 4]", "i32[3]"}},
}

func TestEveryRuleHasAFailingExample(t *testing.T) {
	failed := map[string]bool{}
	fails := func(rule string, in *Instr) {
		_, err := in.Infer()
		var broken *RuleError
		if !errors.As(err, &broken) || broken.Rule != rule {
			t.Errorf("%s: got %v", rule, err)
			return
		}
		if err.Error() != in.Op.Name+": "+broken.Err.Error() || broken.Err.Error() == "" {
			t.Errorf("%s: the message is %q", rule, err)
		}
		failed[rule] = true
	}
	for _, b := range brokenRules {
		op, _, _ := strings.Cut(b.rule, "/")
		fails(b.rule, testInstr(t, op, b.attrs, b.args...))
	}
	for _, op := range Ops() { // the rules that all rows of a table have
		if _, ok := op.Attrs.(ReduceAttrs); ok {
			arg := map[bool]string{true: "bool[2]", false: "f32[2]"}[op.Name == "any" || op.Name == "all"]
			fails(op.Name+"/operands", testInstr(t, op.Name, "axes=[0], keep=false"))
			fails(op.Name+"/axis", testInstr(t, op.Name, "axes=[0, 0], keep=false", arg))
		}
		if op.Body == nil || op.Name == "where" {
			continue
		}
		n := len(op.Operands)
		var accepted string
		for _, dtype := range []string{"f32", "i32", "bool"} {
			in := testInstr(t, op.Name, "", slices.Repeat([]string{dtype + "[2]"}, n)...)
			if _, err := in.Infer(); err != nil {
				fails(op.Name+"/dtype", in)
			} else {
				accepted = dtype
			}
		}
		fails(op.Name+"/operands", testInstr(t, op.Name, "", slices.Repeat([]string{accepted}, n+1)...))
		if n > 1 {
			args := append(slices.Repeat([]string{accepted + "[2]"}, n-1), accepted+"[3]")
			fails(op.Name+"/same", testInstr(t, op.Name, "", args...))
		}
	}
	if _, err := testInstr(t, "reshape", "shape=[0 - 2, 0 - 3]", "f32[6]").Infer(); err == nil {
		t.Error("sizes may be negative")
	}
	for _, l := range []struct {
		rule            string
		count           int64
		takes, counters int
		ends            bool
	}{{"loop/body", 2, 0, 1, false}, {"loop/count", -1, 1, 1, false}, {"loop/count", 2, 1, 0, false}, {"loop/ends", 2, 1, 1, true}} {
		in := testInstr(t, "loop", fmt.Sprintf("count=%d, carried=1, ends=%t", l.count, l.ends), "f32[2]")
		in.Body = &Func{Results: []Result{{Type: in.Args[0].Type}}}
		in.Body.Inputs = in.Args[:l.takes]
		for range l.counters {
			in.Body.Dims = append(in.Body.Dims, &Dim{Name: "t", Counter: true})
		}
		fails(l.rule, in)
	}
	ids := map[string]bool{}
	for _, op := range Ops() {
		for _, r := range op.Rules {
			if ids[r.ID] || !strings.HasPrefix(r.ID, op.Name+"/") || r.Text == "" {
				t.Errorf("rule %q of %s: not its own id, or no sentence", r.ID, op.Name)
			}
			ids[r.ID] = true
			if !failed[r.ID] {
				t.Errorf("rule %s has no failing example", r.ID)
			}
		}
	}
}
