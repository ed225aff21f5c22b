// Stories tells a story that begins as it is told to, by the model stories260K, which
// was compiled into this program: go run ./examples/stories --weights PATH "Once upon a time".
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/mlxc/mlxc/examples/stories/stories"
	"github.com/mlxc/mlxc/runtime"
)

//go:generate go run ../../cmd/mlxc compile ../../testdata/models/stories.mlx -o stories --package stories

// context of the model: tokens that a session has room for.
const room = 512

// A storyteller is a session with the tokens of its language.
type storyteller struct {
	session *stories.Session
	tokens  *tokenizer
	pick    func(logits []float32) int
}

func main() {
	weights := flag.String("weights", "", "stories260K.safetensors, made of `file` stories260K.bin of huggingface.co/karpathy/tinyllamas")
	table := flag.String("tokenizer", "", "the tokens in the `file` tok512.bin from there (default: beside the weights)")
	steps := flag.Int("steps", 256, "`tokens` to tell at most, those of the beginning included")
	temperature := flag.Float64("temperature", 1, "0 tells the likeliest story, more a wilder one")
	topP := flag.Float64("top-p", 0.9, "choose among the likeliest tokens that together have this `probability`")
	seed := flag.Uint64("seed", 0, "`number` that decides the choices; 0: another one each time")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "stories --weights FILE [flags] [\"the beginning\"]\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r := rand.New(rand.NewPCG(cmp.Or(*seed, rand.Uint64()), 0))
	pick := func(logits []float32) int { return sample(logits, *temperature, *topP, r) }
	if err := run(ctx, *weights, *table, pick, flag.Arg(0), *steps); err != nil {
		fmt.Fprintln(os.Stderr, "stories:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, weights, table string, pick func([]float32) int, beginning string, steps int) error {
	switch {
	case weights == "":
		return errors.New("--weights is missing: stories260K.safetensors, and tok512.bin beside it, made of the model and the tokenizer of that name at huggingface.co/karpathy/tinyllamas")
	case steps < 1 || steps > room:
		return fmt.Errorf("--steps is %d; 1 to %d tokens are possible", steps, room)
	}
	tokens, err := openTokenizer(cmp.Or(table, filepath.Join(filepath.Dir(weights), "tok512.bin")))
	if err != nil {
		return err
	}
	m, err := stories.Load(weights)
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(stories.Dims{B: 1, S: room})
	if err != nil {
		return err
	}
	defer s.Close()
	out := bufio.NewWriter(os.Stdout)
	teller := &storyteller{s, tokens, pick}
	err = teller.tell(ctx, beginning, steps, func(text string) error {
		_, err := out.WriteString(text)
		return errors.Join(err, out.Flush())
	})
	fmt.Fprintln(out)
	if errors.Is(err, context.Canceled) {
		err = nil // by the one who listened
	}
	return errors.Join(err, out.Flush())
}

// tell goes on from a beginning until the story ends or has so many tokens, beside the one
// that begins it, and hands on the text of each.
func (t *storyteller) tell(ctx context.Context, beginning string, steps int, say func(text string) error) error {
	told := t.tokens.encode(beginning)
	if len(told) > steps {
		return fmt.Errorf("the beginning has %d tokens, and --steps leaves no room for more", len(told)-1)
	}
	for i := 1; i < len(told); i++ {
		if err := say(t.tokens.text(told[i-1], told[i])); err != nil {
			return err
		}
	}
	next := told
	for pos := 0; ; {
		logits, err := t.step(ctx, next, pos)
		if err != nil {
			return err
		}
		pos += len(next)
		last, token := next[len(next)-1], t.pick(logits)
		if token == begin || token == end {
			return nil
		}
		if err := say(t.tokens.text(last, token)); err != nil || pos == steps {
			return err
		}
		next = []int{token}
	}
}

// step reads tokens from a position on, and returns what each token would be as the next.
func (t *storyteller) step(ctx context.Context, tokens []int, pos int) ([]float32, error) {
	in, err := t.session.StepInput(len(tokens))
	if err != nil {
		return nil, err
	}
	ids, err := runtime.Data[int32](in)
	if err != nil {
		return nil, err
	}
	for i, id := range tokens {
		ids[i] = int32(id)
	}
	out, err := t.session.Step(ctx, in, pos)
	if err != nil {
		return nil, err
	}
	return runtime.Data[float32](out.Logits)
}
