package onnx_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mlxc/mlxc/internal/onnxtest"
)

// suite is where ONNX's conformance suite is, beside the checkout.
const suite = "../../../shared/data/onnx-conformance"

// cases are those of the suite.
func cases(t testing.TB) []onnxtest.Case {
	t.Helper()
	all, err := onnxtest.Unpack(suite, t.TempDir())
	if err != nil {
		t.Skipf("ONNX's conformance suite is not beside the checkout: %v", err)
	}
	return all
}

// others are cases whose results are others here, with reasons.
var others = map[string]string{
	"test_bernoulli_seed":                 "the specification leaves open which numbers a seed gives",
	"test_bernoulli_seed_expanded":        "the specification leaves open which numbers a seed gives",
	"test_dynamicquantizelinear_expanded": "a quotient ends in .5 in f32, and the evaluator has more digits",
}

// TestConformance runs the cases by the reference evaluator. Those that the importer refuses
// are listed by reason with -v.
func TestConformance(t *testing.T) { evaluate(t, cases(t)) }

// TestNodes runs what onnx_nodes.py and onnx_sampling.py of scripts/oracles have recorded.
func TestNodes(t *testing.T) {
	all, err := onnxtest.Unpack("testdata", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if n := evaluate(t, all)[onnxtest.Unsupported]; n > 0 {
		t.Errorf("%d cases are unsupported", n)
	}
}

func evaluate(t *testing.T, cases []onnxtest.Case) map[onnxtest.Verdict]int {
	verdicts := map[onnxtest.Verdict]int{}
	reasons := map[string][]string{}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			o := onnxtest.Options{Tolerance: onnxtest.Standard, Limit: time.Minute}
			err := onnxtest.Run(t.Context(), []onnxtest.Case{c}, o, func(r onnxtest.Result) {
				switch verdicts[r.Verdict]++; r.Verdict {
				case onnxtest.Unsupported:
					reasons[r.Reason] = append(reasons[r.Reason], c.Name)
				case onnxtest.Failed:
					if others[c.Name] == "" {
						t.Error(r.Reason)
					}
				case onnxtest.Passed:
					if others[c.Name] != "" {
						t.Errorf("it passes, but is listed: %s", others[c.Name])
					}
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("%v", verdicts)
	var sorted []string
	for reason := range reasons {
		sorted = append(sorted, reason)
	}
	slices.SortFunc(sorted, func(a, b string) int {
		if d := len(reasons[b]) - len(reasons[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, reason := range sorted {
		t.Logf("%3d %s: %s", len(reasons[reason]), reasons[reason][0], reason)
	}
	return verdicts
}
