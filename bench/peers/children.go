package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"

	"github.com/mlxc/mlxc"
	"github.com/mlxc/mlxc/ir"
	"github.com/mlxc/mlxc/runtime/bench"
)

//go:embed peers.py
var peersText string

// peers is the program of the other side.
type peers struct {
	in      io.WriteCloser
	out     *bufio.Reader
	cmd     *exec.Cmd
	of      map[string][]string // the peers that have a case
	version map[string]string
}

// An answer is what the other side says to a request.
type answer struct {
	Seconds  float64             `json:"seconds"`
	Error    string              `json:"error"`
	Peers    map[string][]string `json:"peers"`
	Versions map[string]string   `json:"versions"`
}

func startPeers(ctx context.Context, python string) (*peers, error) {
	p := &peers{cmd: exec.CommandContext(ctx, python, "-c", peersText)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	a, err := p.ask(map[string]any{})
	p.of, p.version = a.Peers, a.Versions
	return p, err
}

func (p *peers) ask(request map[string]any) (answer, error) {
	var a answer
	text, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(text, '\n')); err != nil {
		return a, fmt.Errorf("the peers are gone: %w", err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("the peers are gone: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("the peers say %q", line)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// time is the seconds of a case in a peer.
func (p *peers) time(ask map[string]any, peer string, threads int) (float64, error) {
	request := maps.Clone(ask)
	request["peer"], request["threads"] = peer, threads
	a, err := p.ask(request)
	return a.Seconds, err
}

func (p *peers) versions() string {
	var all []string
	for _, name := range []string{"numpy", "torch", "onnxruntime"} {
		all = append(all, name+" "+p.version[name])
	}
	return strings.Join(all, ", ")
}

func (p *peers) close() error {
	p.in.Close()
	return p.cmd.Wait()
}

// own is mlxc's side: a model that measures itself when it is asked to.
type own struct {
	ask     *os.File
	samples chan bench.Sample // closed when the program has ended
	err     error             // by what it did; to be read then
}

func startOwn(ctx context.Context, m *ir.Module, model string, c bench.Config) (*own, error) {
	b, err := mlxc.BuildBench(ctx, m, model, ir.CPU, nil)
	if err != nil {
		return nil, err
	}
	requests, ask, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o := &own{ask: ask, samples: make(chan bench.Sample, 16)}
	go func() {
		o.err = b.Run(ctx, c, requests, func(s bench.Sample) { o.samples <- s })
		requests.Close()
		close(o.samples)
	}()
	return o, nil
}

// next measures once.
func (o *own) next(threads int) (rate, error) {
	var r rate
	if _, err := o.ask.Write([]byte("\n")); err != nil {
		return r, errors.Join(o.close(), err)
	}
	for s := range o.samples {
		switch s.What {
		case bench.FMA:
			r.fma = s.Amount / s.Seconds
		case bench.Copy:
			r.copy = s.Amount / s.Seconds
		case bench.Entry:
			r.own = s.Seconds
		case bench.Round:
			if s.Threads != threads {
				return r, fmt.Errorf("mlxc measured %d threads, not %d", s.Threads, threads)
			}
			return r, nil
		}
	}
	return r, o.err
}

// close waits for the end of the program; before its last round that is an error.
func (o *own) close() error {
	o.ask.Close()
	for range o.samples {
	}
	return o.err
}
