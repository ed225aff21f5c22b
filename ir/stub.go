package ir

// placeholder until the op table and evaluator land
type Env struct{}

var opTable []*Op
var opByName = map[string]*Op{}
