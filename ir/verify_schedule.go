package ir

// Limits of a metal schedule, which every GPU that Metal 3 runs on has.
const (
	maxGroupThreads = 1024
	maxGroupBytes   = 32 << 10
)

func (v *verifier) contract(k *Kernel) {
	c := k.Contract
	fault := func(format string, args ...any) {
		v.fault(k.Pos, "contract/axes", "kernel @"+k.Name+": "+format, args...)
	}
	if len(c.N) == 0 {
		fault("needs an axis of the right factor")
	}
	for _, r := range c.Rights {
		if !r.Sum.folds(Add, c.Terms(), []*Scalar{c.A, r.B}) || r.Sum.DType != c.Rights[0].Sum.DType {
			fault("v%d is not the sum of v%d * v%d over %s", r.Sum.ID, c.A.ID, r.B.ID, joinText(c.Terms(), axisName))
		}
		for _, a := range c.M {
			if !hasAxis(k.Grid(), a) || !c.A.Varies(a) || r.B.Varies(a) {
				fault("m is an axis of the grid that v%d varies with, and v%d not: %s", c.A.ID, r.B.ID, a.Name)
			}
		}
		for _, a := range c.N {
			if !hasAxis(k.Grid(), a) || !r.B.Varies(a) || c.A.Varies(a) {
				fault("n is an axis of the grid that v%d varies with, and v%d not: %s", r.B.ID, c.A.ID, a.Name)
			}
		}
	}
}

// schedule checks what a launch relies on.
func (v *verifier) schedule(k *Kernel) {
	s := k.Schedule
	fault := func(rule, format string, args ...any) {
		v.fault(k.Pos, rule, "kernel @"+k.Name+": "+format, args...)
	}
	if s.Form == FormStream {
		t := s.Tile
		ok := k.Stream != nil && t.M > 0 && t.K > 0
		if ok {
			n, bounded := Product(extents(k.Stream.N)).Max()
			ok = bounded && n <= int64(t.N)
		}
		if !ok {
			fault("schedule/stream", "no tile of %d rows of %d columns, %d keys at a time", t.M, t.N, t.K)
			return
		}
	}
	if s.Form == "" || s.Form == FormPanels || s.Form == FormStream && s.Threads == 0 {
		if s.Threads != 0 {
			fault("schedule/threads", "%d threads of no GPU", s.Threads)
		}
		if s.Form == FormPanels {
			if _, err := k.Panels(); err != nil {
				fault("schedule/panels", "%v", err)
			} else if t := s.Tile; t.M < 1 || t.N < 1 || t.K < 1 || t.N%PanelCols != 0 {
				fault("schedule/panels", "no tile of %d by %d by %d", t.M, t.N, t.K)
			}
		}
		return
	}
	if s.Threads < 1 || s.Threads > maxGroupThreads || s.Threads%SimdWidth != 0 {
		fault("schedule/threads", "%d threads are no simdgroups of a threadgroup", s.Threads)
	}
	if s.Vec != 1 && (s.Vec != 4 || s.Form != FormPoints || len(k.Grid()) == 0) {
		fault("schedule/vec", "%d elements at a time, of form %s", s.Vec, s.Form)
	}
	for _, a := range k.Args {
		if s.Vec > 1 && s.Align < int64(s.Vec*a.DType.Size()) {
			fault("schedule/align", "%d elements of %%%s need more than %d bytes", s.Vec, a.Name, s.Align)
		}
	}
	if s.Form != FormTile {
		return
	}
	if t := s.Tile; k.Contract == nil || len(k.Contract.M) == 0 || s.Threads != TileThreads || t.M%16 != 0 || t.N%16 != 0 || t.K%8 != 0 || t.M < 16 || t.N < 16 || t.K < 8 || !t.Fits(len(k.Contract.Rights)) {
		fault("schedule/tile", "no tile of %d by %d by %d on %d threads", t.M, t.N, t.K, s.Threads)
	}
}
