package onnxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/frontend/onnx"
	"github.com/mlxc/mlxc/ir"
	mlxcruntime "github.com/mlxc/mlxc/runtime"
)

// A Verdict is what became of a case.
type Verdict string

const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"
	Unsupported Verdict = "unsupported" // it has what mlxc does not have
)

// A Result is the verdict of a case.
type Result struct {
	Case    string  `json:"case"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
}

// Options say how cases are run.
type Options struct {
	Target    ir.Target // what models are compiled for; empty: the evaluator runs them
	Tolerance Tolerance
	Limit     time.Duration // of one step of a case: its import and compilation, or its run
}

// batchSize is how many cases are built at once.
const batchSize = 64

// Run runs cases, several at a time, and gives each result to done when it is there, one
// after another. An error is why none can run.
func Run(ctx context.Context, cases []Case, o Options, done func(Result)) error {
	var mu sync.Mutex
	report := func(c Case, err error) {
		if ctx.Err() != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		done(c.Result(err))
	}
	for len(cases) > 0 && ctx.Err() == nil {
		n := min(batchSize, len(cases))
		if o.Target == "" {
			parallel(n, func(i int) { report(cases[i], o.evaluate(cases[i])) })
		} else if err := o.batch(ctx, cases[:n], report); err != nil {
			return err
		}
		cases = cases[n:]
	}
	return ctx.Err()
}

// Result is the verdict that an error is.
func (c Case) Result(err error) Result {
	var unsupported *onnx.Unsupported
	switch {
	case err == nil:
		return Result{Case: c.Name, Verdict: Passed}
	case errors.As(err, &unsupported):
		return Result{c.Name, Unsupported, oneLine(err)}
	}
	return Result{c.Name, Failed, oneLine(err)}
}

// oneLine is the message of an error in one line, without a hint and the text of a model.
func oneLine(err error) string {
	var wrong ir.Diagnostics
	if errors.As(err, &wrong) {
		err = errors.New(wrong[0].Msg)
	}
	head, rest, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if strings.HasSuffix(head, ":") {
		next, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
		head += " " + next
	}
	return head
}

// evaluate runs a case by the evaluator.
func (o *Options) evaluate(c Case) error {
	_, err := within(o.Limit, func() (none struct{}, err error) {
		calls, err := c.Calls()
		if err != nil {
			return none, err
		}
		for _, one := range calls {
			got, err := one.Model.Program.Eval(onnx.Forward, one.Params(), one.Inputs...)
			if err != nil {
				return none, err
			}
			for i, t := range got { // as it is stored: the evaluator computes in float64
				if got[i], err = ir.TensorOf(t.DType, t.Shape, t.Bytes()); err != nil {
					return none, err
				}
			}
			if err := one.Check(o.Tolerance, got); err != nil {
				return none, err
			}
		}
		return none, nil
	})
	return err
}

// Params are the weights for the evaluator.
func (c *Call) Params() map[string]*ir.Tensor {
	weights, params := map[string]*ir.Tensor{}, map[string]*ir.Tensor{}
	for _, w := range c.Model.Weights {
		weights[w.Path] = w.Tensor()
	}
	for _, p := range c.Model.Program.Module().Params {
		params[p.Name] = weights[p.Path]
	}
	return params
}

// Check compares all results of a call.
func (c *Call) Check(o Tolerance, got []*ir.Tensor) error {
	for i, want := range c.Want {
		if err := o.compare(got[i], want); err != nil {
			return fmt.Errorf("%s, output %s: %w", c.set, c.Model.Outputs[i].ONNX, err)
		}
	}
	return nil
}

// batch builds a program of cases, and runs each in a process of its own.
func (o *Options) batch(ctx context.Context, cases []Case, report func(Case, error)) error {
	b, err := mlxc.NewBatch(o.Target)
	if err != nil {
		return err
	}
	defer b.Close()
	calls := make([][]*Call, len(cases)) // nil: it has been reported
	parallel(len(cases), func(i int) {
		var err error
		calls[i], err = within(o.Limit, func() ([]*Call, error) {
			calls, err := cases[i].Calls()
			if err != nil {
				return nil, err
			}
			for _, one := range calls {
				if one.number, err = b.Add(one.Model.Program.Module(), cases[i].Name); err != nil {
					return nil, err
				}
			}
			return calls, nil
		})
		if err != nil {
			report(cases[i], err)
		}
	})
	runners, errs, err := b.Build(ctx)
	if err != nil {
		return err
	}
	parallel(len(cases), func(i int) {
		if calls[i] == nil {
			return
		}
		var err error
		for _, one := range calls[i] {
			if err = errs[one.number]; err == nil {
				err = o.run(ctx, runners[one.number], one)
			}
			if err != nil {
				break
			}
		}
		report(cases[i], err)
	})
	return ctx.Err()
}

// run runs a call in a process of its own.
func (o *Options) run(ctx context.Context, runner *mlxc.Runner, c *Call) error {
	dir, err := os.MkdirTemp("", "mlxc-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	weights := ""
	if len(c.Model.Weights) > 0 {
		weights = filepath.Join(dir, "model.safetensors")
		if err := mlxc.WriteWeights(weights, c.Model.Weights, nil); err != nil {
			return err
		}
	}
	var in, out bytes.Buffer
	for _, t := range c.Inputs {
		a, err := mlxcruntime.NewArray(mlxcruntime.DType(t.DType), t.Shape...)
		if err != nil {
			return err
		}
		copy(a.Bytes(), t.Bytes())
		if err := mlxcruntime.WriteNPY(&in, a); err != nil {
			return err
		}
	}
	limited, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	if err := runner.Run(limited, onnx.Forward, weights, 1, &in, &out); err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			return tooLong(o.Limit)
		}
		return err
	}
	var got []*ir.Tensor
	for range c.Want {
		a, err := mlxcruntime.ReadNPY(&out, math.MaxInt64)
		if err != nil {
			return err
		}
		t, err := ir.TensorOf(ir.DType(a.DType()), a.Shape(), a.Bytes())
		if err != nil {
			return err
		}
		got = append(got, t)
	}
	return c.Check(o.Tolerance, got)
}

func tooLong(limit time.Duration) error { return fmt.Errorf("it took more than %v", limit) }

// within runs f, whose panic is an error, and which is left behind where it takes too long.
func within[T any](limit time.Duration, f func() (T, error)) (T, error) {
	type end struct {
		of  T
		err error
	}
	ended := make(chan end, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				ended <- end{err: fmt.Errorf("panic: %v", r)}
			}
		}()
		of, err := f()
		ended <- end{of, err}
	}()
	select {
	case e := <-ended:
		return e.of, e.err
	case <-time.After(limit):
		return end{}.of, tooLong(limit)
	}
}

// parallel calls f for 0 to n-1, on all processors.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
