package onnxtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
)

// A job is what a worker reads: cases, and how they are run.
type job struct {
	Cases   []Case
	Options Options
}

// RunIsolated is Run in processes of their own, each a worker that calls Work: a case that
// ends one fails alone.
func RunIsolated(ctx context.Context, cases []Case, o Options, worker func(ctx context.Context) *exec.Cmd, done func(Result)) error {
	for len(cases) > 0 {
		n := min(batchSize, len(cases))
		left, err := isolate(ctx, cases[:n], o, worker(ctx), done)
		var crash *crashError
		if errors.As(err, &crash) {
			for _, c := range left { // one of them has ended the worker
				_, err = isolate(ctx, []Case{c}, o, worker(ctx), done)
				if errors.As(err, &crash) {
					done(c.Result(crash))
					err = nil
				}
				if err != nil {
					return err
				}
			}
			err = nil
		}
		if err != nil {
			return err
		}
		cases = cases[n:]
	}
	return nil
}

// A crashError is that a worker has ended before its work was done.
type crashError struct {
	err     error
	message string // that it left
}

func (e *crashError) Error() string {
	return fmt.Sprintf("the compiler crashed, %v: %s", e.err, e.message)
}

// isolate gives cases to a worker. Those that it has no result for are left.
func isolate(ctx context.Context, cases []Case, o Options, worker *exec.Cmd, done func(Result)) (left []Case, err error) {
	text, err := json.Marshal(job{cases, o})
	if err != nil {
		return nil, err
	}
	var messages bytes.Buffer
	worker.Stdin, worker.Stderr = bytes.NewReader(text), &messages
	worker.Cancel = func() error { return worker.Process.Signal(os.Interrupt) } // so that it can clean up
	worker.WaitDelay = 10 * time.Second
	out, err := worker.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := worker.Start(); err != nil {
		return nil, err
	}
	reported := map[string]bool{}
	for d := json.NewDecoder(out); ; {
		var r Result
		if err := d.Decode(&r); err != nil { // its end, whole or not
			break
		}
		reported[r.Case] = true
		done(r)
	}
	err = worker.Wait()
	message := strings.TrimSpace(messages.String())
	switch exit := (*exec.ExitError)(nil); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return nil, nil
	case errors.As(err, &exit) && exit.ExitCode() == workerFailed:
		return nil, errors.New(message)
	}
	for _, c := range cases {
		if !reported[c.Name] {
			left = append(left, c)
		}
	}
	first, _, _ := strings.Cut(message, "\n")
	return left, &crashError{err, first}
}

// workerFailed is how a worker exits that cannot run any case.
const workerFailed = 5

// Work is the whole of a worker: it reads a job, and writes results. It returns the exit
// code.
func Work(in io.Reader, out, messages io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var j job
	err := json.NewDecoder(in).Decode(&j)
	if err == nil {
		to := json.NewEncoder(out)
		err = Run(ctx, j.Cases, j.Options, func(r Result) { _ = to.Encode(r) }) // its reader sees what is missing
	}
	if err != nil {
		fmt.Fprintln(messages, err)
		return workerFailed
	}
	return 0
}
