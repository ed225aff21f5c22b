package metal

import (
	"fmt"
	"slices"

	"github.com/mlxc/mlxc/ir"
)

// streamWords are what the text of a stream uses besides the words of all kernels.
const streamWords = "d0 di n query scores keys key block before largest scale seen total part some theirs"

const (
	streamChunk = 32                  // terms or columns whose factor is in threadgroup memory at once
	rowLanes    = ir.SimdWidth / rows // lanes that share a row: a simdgroup has as many rows as a fragment
	rows        = fragment
)

func (p *printer) streamDoc() string {
	t := p.kernel.Schedule.Tile
	if t.M == rows {
		return fmt.Sprintf("A threadgroup computes %d rows, each simdgroup from %d keys of its own at a time.", t.M, t.K)
	}
	return fmt.Sprintf("A threadgroup computes %d rows, a simdgroup %d of them, from %d keys at a time.", t.M, rows, t.K)
}

// A streaming is what the text of a stream is made of.
type streaming struct {
	*ir.Stream
	query, key, value, scores factor
	terms, columns            int        // at most
	row                       []*ir.Axis // of the batch, and M

	// Where a tile has no more rows than a simdgroup, all simdgroups have the same, and
	// keys of their own: in a part of the factor's memory, from own on, and with threads
	// and barriers of a simdgroup.
	split   bool
	thread  string // that computes factors, of so many
	threads int
	own     string
	barrier string
}

// stream prints attention. For some keys at a time the factors are computed into
// threadgroup memory, chunk by chunk, and multiplied as fragments; scores go through
// threadgroup memory to the lanes that share a row, and come back as weights; each lane
// keeps its columns of the sums of its row.
func (p *printer) stream() {
	k := p.kernel
	t := k.Schedule.Tile
	s := &streaming{Stream: k.Stream, row: slices.Concat(k.Stream.Batch(k), k.Stream.M), columns: t.N}
	m := side{axes: s.M, at: "mi", first: "m0", size: t.M}
	keys := side{axes: []*ir.Axis{s.Keys}, at: "ki", first: "k0", size: t.K}
	terms := side{axes: s.Dot.Over, at: "di", first: "d0", size: streamChunk}
	columns := side{axes: s.N, at: "ni", first: "n0", size: streamChunk}
	s.query = factor{"factor", s.Query, ir.F32, m, terms}
	s.key = factor{"factor", s.Key, ir.F32, terms, keys}
	s.value = factor{"factor", s.Value, ir.F32, keys, columns}
	s.scores = factor{"scores", s.Dot, ir.F32, m, keys}
	n, ok := product(s.Dot.Over).Max()
	if !ok {
		p.fail("a query of any size")
		return
	}
	s.terms = int(n)

	size := 0
	for _, f := range []factor{s.query, s.key, s.value} {
		size = max(size, f.rows.size*f.stride())
	}
	simds := k.Schedule.Threads / ir.SimdWidth
	s.thread, s.threads, s.barrier = "tid", k.Schedule.Threads, groupBarrier
	first, step, mi := "0", t.K, "row"
	if s.split = t.M == rows; s.split {
		s.thread, s.threads, s.barrier, s.own = "lane", ir.SimdWidth, simdBarrier, fmt.Sprintf("int(sgid) * %d + ", size)
		first, step, mi = fmt.Sprintf("%s(sgid) * %d", p.index, t.K), t.K*simds, fmt.Sprintf("int(lane) / %d", rowLanes)
		size *= simds
	}
	p.line("threadgroup float factor[%d];", size)
	p.line("threadgroup float scores[%d];", rows*simds*s.scores.stride())
	p.axes(k.TileAxes(), p.index+"(group)", func() {
		p.line("const %s m0 = tileM * %d;", p.index, t.M)
		p.line("const int row = int(sgid) * %d + int(lane) / %d;", rows, rowLanes)
		p.line("const int part = int(lane) %% %d;", rowLanes)
		p.line("const %s mi = m0 + %s;", p.index, mi)
		p.queries(s)
		p.line("float acc[%d];", chunks(s.columns)*streamChunk/rowLanes)
		p.each("i", chunks(s.columns)*streamChunk/rowLanes, 1, func() { p.line("acc[i] = 0.0f;") })
		p.line("float largest = (-INFINITY);")
		p.line("float total = 0.0f;")
		p.block(fmt.Sprintf("for (%s k0 = %s; k0 < %s; k0 += %d)", p.index, first, p.seen(s), step), func() {
			p.products(s)
			p.weights(s)
			p.weighted(s)
		})
		if s.split {
			p.joinSums(s)
			p.block("if (sgid == 0u)", func() { p.results(s) })
			return
		}
		p.results(s)
	})
}

// within prints body for each so many of a chunk that begins at first, up to n in all.
func (p *printer) within(first, i string, each, n int, body func()) {
	p.each(i, streamChunk/each, 1, func() {
		if n%streamChunk == 0 {
			body()
			return
		}
		p.choice(fmt.Sprintf("%s + %s * %d < %d", first, i, each, n), body, nil)
	})
}

// chunks is how many there are of n.
func chunks(n int) int { return (n + streamChunk - 1) / streamChunk }

const groupBarrier = "threadgroup_barrier(mem_flags::mem_threadgroup);"
const simdBarrier = "simdgroup_barrier(mem_flags::mem_threadgroup);"

// seen prints how many keys the rows of a tile see at most, where that is known, and is
// where the keys end. Rows that are not there may count.
func (p *printer) seen(s *streaming) string {
	all := p.size(s.Keys.Extent)
	if s.Seen.Is(0) {
		return all
	}
	if !slices.ContainsFunc(s.M, s.Seen.Has) {
		return fmt.Sprintf("min(%s, %s)", p.size(s.Seen), all)
	}
	p.line("%s seen = 0;", p.index)
	p.block(fmt.Sprintf("for (int row = 0; row < %d; row++)", s.query.rows.size), func() {
		p.line("const %s mi = m0 + row;", p.index)
		p.axes(s.M, "mi", func() { p.line("seen = max(seen, %s);", p.size(s.Seen)) })
	})
	p.line("seen = min(seen, %s);", all)
	return "seen"
}

// queries prints how the queries of a simdgroup become fragments.
func (p *printer) queries(s *streaming) {
	p.line("simdgroup_float8x8 query[%d];", chunks(s.terms)*streamChunk/fragment)
	p.each("d0", chunks(s.terms)*streamChunk, streamChunk, func() {
		p.fill(s.query, "tid", p.kernel.Schedule.Threads, "")
		p.line(groupBarrier)
		p.each("i", streamChunk/fragment, 1, func() {
			of := fmt.Sprintf("int(sgid) * %d + ", rows*s.query.stride())
			if s.split {
				of = ""
			}
			p.line("simdgroup_load(query[d0 / %d + i], factor + %si * %d, %d);", fragment, of, fragment, s.query.stride())
		})
		p.line(groupBarrier)
	})
}

// products prints the products of queries and some keys, up to their sums in
// threadgroup memory, where each simdgroup has rows of its own.
func (p *printer) products(s *streaming) {
	across := s.scores.cols.size / fragment
	p.line("simdgroup_float8x8 sums[%d];", across)
	p.each("j", across, 1, func() { p.line("sums[j] = make_filled_simdgroup_matrix<float, 8>(0.0f);") })
	p.each("d0", chunks(s.terms)*streamChunk, streamChunk, func() {
		p.fill(s.key, s.thread, s.threads, s.own)
		p.line("%s", s.barrier)
		p.within("d0", "i", fragment, s.terms, func() {
			p.each("j", across, 1, func() {
				p.line("simdgroup_float8x8 fragB;")
				p.line("simdgroup_load(fragB, factor + %si * %d + j * %d, %d);", s.own, fragment*s.key.stride(), fragment, s.key.stride())
				p.line("simdgroup_multiply_accumulate(sums[j], query[d0 / %d + i], fragB, sums[j]);", fragment)
			})
		})
		p.line("%s", s.barrier)
	})
	p.each("j", across, 1, func() {
		p.line("simdgroup_store(sums[j], scores + int(sgid) * %d + j * %d, %d);", rows*s.scores.stride(), fragment, s.scores.stride())
	})
	p.line(simdBarrier)
}

// weights prints how the lanes of a row make scores of sums, and weights of scores,
// which take their place, and what the sums so far are scaled by. A key that is not
// there has the score -inf.
func (p *printer) weights(s *streaming) {
	each := s.scores.cols.size / rowLanes
	at := fmt.Sprintf("scores[row * %d + part + n * %d]", s.scores.stride(), rowLanes)
	p.line("float some[%d];", each)
	p.line("const float before = largest;")
	p.each("n", each, 1, func() {
		score, mentioned := p.capture(func() {
			p.inMatrix([]side{s.scores.rows, s.scores.cols}, func() {
				p.axes(s.M, "mi", func() {
					p.axes([]*ir.Axis{s.Keys}, "ki", func() {
						p.line("const float %s = %s;", variable(s.Dot), at)
						p.stmts(p.kernel.Lets(append(s.row, s.Keys), []*ir.Scalar{s.Dot}, []*ir.Scalar{s.Score}))
						p.line("some[n] = %s;", p.alone(s.Score))
					})
				})
			}, nil)
		})
		if mentioned[s.Keys.Name] || !s.scores.cols.whole() {
			p.line("const %s ki = k0 + part + n * %d;", p.index, rowLanes)
		}
		p.line("some[n] = (-INFINITY);")
		p.b.WriteString(score)
		p.line("largest = %s;", maxOf("largest", "some[n]"))
	})
	p.acrossRow("largest", maxOf)
	p.shift(s, "largest")
	p.scale(s, "scale", "before")
	p.line("float block = 0.0f;")
	p.each("n", each, 1, func() {
		p.exp(s, "some[n]", at)
		p.line("block += %s;", p.alone(s.Exp))
	})
	p.acrossRow("block", func(x, y string) string { return x + " + " + y })
	p.line("total = total * scale + block;")
	p.line(simdBarrier)
}

// shift declares what scores are held against: the largest, or 0 where no key is seen,
// with which exponentials are 0.
func (p *printer) shift(s *streaming, largest string) {
	p.line("const float %s = %s == (-INFINITY) ? 0.0f : %s;", variable(s.Max), largest, largest)
}

// exp prints the exponential of a score.
func (p *printer) exp(s *streaming, score, to string) {
	p.line("const float %s = %s;", variable(s.Score), score)
	p.stmts(p.kernel.Lets(append(s.row, s.Keys), []*ir.Scalar{s.Score, s.Max}, []*ir.Scalar{s.Exp}))
	p.line("%s = %s;", to, p.alone(s.Exp))
}

// scale declares what sums are scaled by whose largest score was another.
func (p *printer) scale(s *streaming, name, largest string) {
	p.line("float %s;", name)
	p.line("{")
	p.depth++
	p.exp(s, largest, name)
	p.depth--
	p.line("}")
}

func maxOf(x, y string) string { return fns[ir.Max][classOf(ir.F32)](ir.F32, []string{x, y}) }

// acrossRow prints a butterfly over the lanes of a row.
func (p *printer) acrossRow(name string, join func(x, y string) string) {
	for step := 1; step < rowLanes; step *= 2 {
		p.line("%s = %s;", name, join(name, fmt.Sprintf("simd_shuffle(%s, ushort(lane ^ %du))", name, step)))
	}
}

// weighted prints the products of weights and values. Once the weights are fragments,
// their place is that of the products, from which each lane takes its own.
func (p *printer) weighted(s *streaming) {
	down := s.value.rows.size / fragment
	p.line("simdgroup_float8x8 fragA[%d];", down)
	p.each("i", down, 1, func() {
		p.line("simdgroup_load(fragA[i], scores + int(sgid) * %d + i * %d, %d);", rows*s.scores.stride(), fragment, s.scores.stride())
	})
	p.each("n0", chunks(s.columns)*streamChunk, streamChunk, func() {
		p.fill(s.value, s.thread, s.threads, s.own)
		p.line("%s", s.barrier)
		p.within("n0", "j", fragment, s.columns, func() {
			p.line("simdgroup_float8x8 keys = make_filled_simdgroup_matrix<float, 8>(0.0f);")
			p.each("i", down, 1, func() {
				p.line("simdgroup_float8x8 fragB;")
				p.line("simdgroup_load(fragB, factor + %si * %d + j * %d, %d);", s.own, fragment*s.value.stride(), fragment, s.value.stride())
				p.line("simdgroup_multiply_accumulate(keys, fragA[i], fragB, keys);")
			})
			p.line("simdgroup_store(keys, scores + int(sgid) * %d + j * %d, %d);", rows*s.scores.stride(), fragment, s.scores.stride())
		})
		p.line("%s", s.barrier)
		p.within("n0", "n", rowLanes, s.columns, func() {
			p.line("acc[n0 / %d + n] = acc[n0 / %d + n] * scale + scores[row * %d + part + n * %d];", rowLanes, rowLanes, s.scores.stride(), rowLanes)
		})
	})
}

// joinSums prints how the first simdgroup takes in, one after another, the sums that the
// others have of the same rows.
func (p *printer) joinSums(s *streaming) {
	n := chunks(s.columns) * streamChunk / rowLanes
	at := func(n int) string { return fmt.Sprintf("factor[%d + int(lane)]", n*ir.SimdWidth) }
	each := fmt.Sprintf("factor[n * %d + int(lane)]", ir.SimdWidth)
	p.line(groupBarrier)
	p.block(fmt.Sprintf("for (int other = 1; other < %d; other++)", p.kernel.Schedule.Threads/ir.SimdWidth), func() {
		p.block("if (int(sgid) == other)", func() {
			p.each("n", n, 1, func() { p.line("%s = acc[n];", each) })
			p.line("%s = largest;", at(n))
			p.line("%s = total;", at(n+1))
		})
		p.line(groupBarrier)
		p.block("if (sgid == 0u)", func() {
			p.line("const float before = largest;")
			p.line("largest = %s;", maxOf("largest", at(n)))
			p.shift(s, "largest")
			p.scale(s, "scale", "before")
			p.scale(s, "theirs", at(n))
			p.each("n", n, 1, func() { p.line("acc[n] = acc[n] * scale + %s * theirs;", each) })
			p.line("total = total * scale + %s * theirs;", at(n+1))
		})
		p.line(groupBarrier)
	})
}

// results prints what is computed from the sums, and its stores.
func (p *printer) results(s *streaming) {
	p.each("n", chunks(s.columns)*streamChunk/rowLanes, 1, func() {
		p.line("const %s ni = part + n * %d;", p.index, rowLanes)
		whole := side{axes: s.N, at: "ni", size: chunks(s.columns) * streamChunk}
		p.inMatrix([]side{s.query.rows, whole}, func() {
			p.axes(s.M, "mi", func() {
				p.axes(s.N, "ni", func() {
					p.line("const float %s = total;", variable(s.Sum))
					p.line("const float %s = acc[n];", variable(s.Weighted))
					p.stores(s.Sum, s.Weighted)
				})
			})
		}, nil)
	})
}
