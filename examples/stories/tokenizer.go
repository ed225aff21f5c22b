package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// The tokens that are no text.
const (
	begin = 1 // of a story
	end   = 2
	bytes = 3 // the first of 256 that stand for a byte each
)

// A tokenizer is the table of SentencePiece (Kudo and Richardson 2018, arXiv:1808.06226)
// in the form of llama2.c: for each token its score and its text.
type tokenizer struct {
	texts  []string
	scores []float32
	ids    map[string]int
}

// openTokenizer reads a table: the length of the longest token, and then of each its score,
// as f32, its length and its bytes.
func openTokenizer(path string) (*tokenizer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &tokenizer{ids: map[string]int{}}
	r := strings.NewReader(string(text))
	var longest uint32
	err = binary.Read(r, binary.LittleEndian, &longest)
	for err == nil && r.Len() > 0 {
		var head struct{ Score, Length uint32 }
		if err = binary.Read(r, binary.LittleEndian, &head); err != nil {
			break
		}
		if int64(head.Length) > int64(min(int(longest), r.Len())) {
			err = fmt.Errorf("token %d has %d bytes", len(t.texts), head.Length)
			break
		}
		token := make([]byte, head.Length)
		if _, err = io.ReadFull(r, token); err == nil {
			if _, twice := t.ids[string(token)]; !twice {
				t.ids[string(token)] = len(t.texts)
			}
			t.texts = append(t.texts, string(token))
			t.scores = append(t.scores, math.Float32frombits(head.Score))
		}
	}
	if err == nil && len(t.texts) < bytes+256 {
		err = errors.New("it has no tokens for bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: this is no table of tokens: %w", path, err)
	}
	return t, nil
}

// encode splits a text into tokens behind that of a beginning: first into characters, or
// bytes where there is no such token, and then the pair whose token has the highest score
// becomes one, again and again.
func (t *tokenizer) encode(text string) []int {
	ids := []int{begin}
	if text == "" {
		return ids
	}
	for _, char := range strings.Split(" "+text, "") {
		if id, ok := t.ids[char]; ok {
			ids = append(ids, id)
			continue
		}
		for _, b := range []byte(char) {
			ids = append(ids, bytes+int(b))
		}
	}
	for {
		at, best := -1, -1
		for i := 0; i+1 < len(ids); i++ {
			id, ok := t.ids[t.texts[ids[i]]+t.texts[ids[i+1]]]
			if ok && (at < 0 || t.scores[id] > t.scores[best]) {
				at, best = i, id
			}
		}
		if at < 0 {
			return ids
		}
		ids = append(ids[:at], append([]int{best}, ids[at+2:]...)...)
	}
}

// text is that of a token behind another one. The first of a story begins with a space,
// which is left out.
func (t *tokenizer) text(before, token int) string {
	if token >= bytes && token < bytes+256 {
		return string([]byte{byte(token - bytes)})
	}
	if before == begin {
		return strings.TrimPrefix(t.texts[token], " ")
	}
	return t.texts[token]
}
