package main

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mlxc/mlxc/internal/explain"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

// benchmarkLine is a result of the Go benchmark format (golang.org/design/14313):
// a name, a number of iterations, and pairs of a value and its unit.
var benchmarkLine = regexp.MustCompile(`^(Benchmark[A-Z]\S*)\s+([1-9]\d*)((?:\s+[\d.e+-]+\s+\S+)+)$`)

// configLine is a line of configuration before the results.
var configLine = regexp.MustCompile(`^[a-z][^\sA-Z]*: `)

// What is built measures everything in each round, and what it prints is the format
// that benchstat reads.
func TestBenchLines(t *testing.T) {
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	model := write(t, "soft max.mlx", `
dim B <= 8
block Net() {
  param w: f32[7, 11]
  fn forward(x: f32[B, 11]) -> f32[B, 7] { return x @ w.T }
}
net = Net()
entry product(x: f32[B, 11]) -> (y: f32[B, 7]) { return net(x) }
entry first(x: f32[B, 11]) -> (y: i32[B]) { return argmax(x, -1) }
`)
	code, out, stderr := mlxcRun(t, "bench", model, "--device", "cpu", "--dim", "B=3", "--threads", "1,2", "--count", "2", "--kernels", "--format", "benchstat")
	if code != exitOK {
		t.Fatalf("exit %d\n%s%s", code, out, stderr)
	}
	results := map[string]int{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		m := benchmarkLine.FindStringSubmatch(line)
		if m == nil {
			if !configLine.MatchString(line) || len(results) > 0 {
				t.Errorf("neither configuration nor a result: %q", line)
			}
			continue
		}
		results[m[1]]++
		fields := strings.Fields(m[3])
		value := map[string]float64{}
		for i := 0; i < len(fields); i += 2 {
			if value[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		if strings.Contains(m[1], "/product/") {
			if flops := value["ns/op"] * value["GFLOP/s"]; flops < 0.99*2*3*7*11 || flops > 1.01*2*3*7*11 {
				t.Errorf("%q: %g operations", line, flops)
			}
			if bytes, want := value["ns/op"]*value["GB/s"], 4.0*(3*11+7*11+3*7); bytes < 0.99*want || bytes > 1.01*want {
				t.Errorf("%q: %g bytes", line, bytes)
			}
		}
	}
	want := map[string]int{}
	for _, threads := range []string{"/threads=1", "/threads=2"} {
		for _, name := range []string{"Machine/fma", "Machine/read", "Machine/copy", "Soft_max/product/B=3", "Soft_max/product/B=3/kernel=00_product_net_y_2", "Soft_max/first/B=3", "Soft_max/first/B=3/kernel=00_first_y"} {
			want["Benchmark"+name+threads] = 2
		}
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("%s\n%s", diff, out)
	}
	if !strings.Contains(out, "\nweights: random\n") {
		t.Errorf("the weights are not said to be random:\n%s", out)
	}
}

// The table has medians, half of the middle half, and the part of the round's limit:
// that of bytes for the first launch, of operations for the second. Where the
// machine was slower in a round, so was its limit.
func TestBenchTable(t *testing.T) {
	launch := func(step int, name string, flops, bytes float64) explain.Launch {
		return explain.Launch{Step: step, Kernel: name, Cost: explain.Cost{FLOPs: flops, Read: bytes / 2, Written: bytes / 2}}
	}
	p := &explain.Plan{Entry: "f", Dims: []explain.Dim{{Name: "B", Value: 4}},
		Launches: []explain.Launch{launch(0, "copy", 1e6, 40e6), launch(1, "product", 100e6, 1e6)}}
	var out strings.Builder
	b := &benchText{w: &out, report: &benchReport{model: "m", target: ir.CPU, plans: []*explain.Plan{p}, threads: []int{1}, count: 3, weights: "none"}}
	for _, slower := range []struct{ machine, model float64 }{{1, 3}, {2, 2}, {4, 4}} {
		for _, what := range []string{bench.FMA, bench.Read, bench.Copy} {
			b.sample(bench.Sample{What: what, Threads: 1, Seconds: 1e-2 * slower.machine, Amount: 1.1e9})
		}
		b.sample(bench.Sample{What: bench.Entry, Entry: "f", Threads: 1, Seconds: 5e-3 * slower.model})
		for i := range p.Launches {
			b.sample(bench.Sample{What: bench.Launch, Entry: "f", Launch: i, Threads: 1, Seconds: 2e-3 * slower.model})
		}
		b.sample(bench.Sample{What: bench.Round, Threads: 1})
	}
	if err := b.end(); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(out.String(), "\n\n")
	want := `machine      threads     FMA GFLOP/s       read GB/s       copy GB/s
                   1      55.0  ±38%      55.0  ±38%      55.0  ±38%

f at B=4     threads            time   GFLOP/s      GB/s  of limit
                   1   15.0 ms  ±17%      6.73      2.73       25%
  0 copy           1   6.00 ms  ±17%     0.167      6.67       18%
  1 product        1   6.00 ms  ±17%      16.7     0.167       45%
`
	if diff := cmp.Diff(want, table); diff != "" {
		t.Error(diff)
	}
}
