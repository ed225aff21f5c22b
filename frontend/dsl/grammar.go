package dsl

import (
	"strconv"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The grammar of declarations and types, as participle reads it from the tags.
// It is LL(1): UseLookahead(0) commits to a branch as soon as a token is read,
// which puts errors on the right token. Where a second token decides, (?= ) and
// (?! ) look at it. Expressions are read by parseExpr.

// A File is one source file, a block body.
type File struct {
	Decls []*Decl `parser:"( @@ NL+ )*"`
}

// A Decl is one declaration at the top level of a file.
type Decl struct {
	Annos   []*Anno    `parser:"@@*"`
	Import  *Import    `parser:"( @@"`
	Config  *Config    `parser:"| @@"`
	Const   *Const     `parser:"| @@"`
	Dims    *DimDecl   `parser:"| @@"`
	Default *Default   `parser:"| @@"`
	Weights *Weights   `parser:"| @@"`
	Block   *BlockDecl `parser:"| @@"`
	Kernel  *Kernel    `parser:"| @@"`
	Test    *Test      `parser:"| @@"`
	Member  *Member    `parser:"| @@ )"`
}

// An Anno is @name or @name(args). The line may end after it.
type Anno struct {
	Name *Ident   `parser:"'@' @@"`
	Args *ArgList `parser:"@@? NL?"`
}

// A LineAnno is an annotation of a default line, which ends with its line.
type LineAnno struct {
	Name *Ident   `parser:"'@' @@"`
	Args *ArgList `parser:"@@?"`
}

// An ArgList is (args).
type ArgList struct{ Args []*Arg }

// An Ident is a name with its place.
type Ident struct {
	Pos  lexer.Position
	Name string `parser:"@Ident"`
}

// A Str is a string without its quotes.
type Str string

// Capture takes the token of a string, whose escapes tokenize has checked.
func (s *Str) Capture(values []string) error {
	text, err := strconv.Unquote(values[0])
	*s = Str(text)
	return err
}

// An Import is import nn, "./blocks.mlx" as b.
type Import struct {
	Items []*ImportItem `parser:"'import' @@ ( ',' @@ )*"`
}

// An ImportItem is a library of the standard library, or the path of a file.
type ImportItem struct {
	Pos  lexer.Position
	Std  string `parser:"( @Ident"`
	Path Str    `parser:"| @String )"`
	As   *Ident `parser:"( 'as' @@ )?"`
}

// A Config declares the values that a model gets from outside.
type Config struct {
	Pos    lexer.Position
	Fields []*ConfigField `parser:"'config' '{' ( @@ NL+ )* '}'"`
}

// A ConfigField is name: type = default from "key".
type ConfigField struct {
	Name    *Ident    `parser:"@@ ':'"`
	Type    *TypeExpr `parser:"@@"`
	Default Expr      `parser:"( '=' @@ )?"`
	From    Str       `parser:"( 'from' @String )?"`
}

// A Const names a compile-time value.
type Const struct {
	Name  *Ident `parser:"'const' @@ '='"`
	Value Expr   `parser:"@@"`
}

// A DimDecl declares sizes that a call fixes.
type DimDecl struct {
	Items []*DimBound `parser:"'dim' @@ ( ',' @@ )*"`
}

// A DimBound is B <= 8, or 1 <= B <= 8: a comparison, taken apart later.
type DimBound struct {
	Bound Expr `parser:"@@"`
}

// A Default gives the annotations of all that follows in the file.
type Default struct {
	Annos []*LineAnno `parser:"'default' @@+"`
}

// A Weights names the checkpoint: weights npz "file" { renames }.
type Weights struct {
	Pos     lexer.Position
	Format  string    `parser:"'weights' @Ident?"`
	File    Str       `parser:"@String"`
	Renames []*Rename `parser:"( '{' ( @@ NL+ )* '}' )?"`
}

// A Rename is "our.{i}.name" -> "their.{i}.name".
type Rename struct {
	Pos    lexer.Position
	Ours   Str  `parser:"@String '->'"`
	Theirs Str  `parser:"@String"`
	Load   Expr `parser:"( 'load' @@ )?"`
}

// A BlockDecl is a module: parameters, and a body of members.
type BlockDecl struct {
	Pos     lexer.Position
	Name    *Ident    `parser:"'block' @@"`
	Params  []*Param  `parser:"'(' ( @@ ( (?! ',' ')') ',' @@ )* ','? )? ')'"`
	Where   []Expr    `parser:"( 'where' @@ ( ',' @@ )* )?"`
	Members []*Member `parser:"'{' ( @@ NL+ )* '}'"`
}

// A Member is what may stand in a block body and at the top level of a file.
type Member struct {
	Annos  []*Anno     `parser:"@@*"`
	Fn     *FnDecl     `parser:"( @@"`
	Tensor *TensorDecl `parser:"| @@"`
	If     *MemberIf   `parser:"| @@"`
	For    *MemberFor  `parser:"| @@"`
	Assert *Assert     `parser:"| @@"`
	Child  *Child      `parser:"| @@ )"`
}

// A TensorDecl is a param or a state.
type TensorDecl struct {
	Pos  lexer.Position
	Kind string    `parser:"@( 'param' | 'state' )"`
	Name *Ident    `parser:"@@ ':'"`
	Type *TypeExpr `parser:"@@"`
	At   *Step     `parser:"@@?"`
	Load Expr      `parser:"( 'load' @@ )?"`
	Init Expr      `parser:"( '=' @@ )?"`
}

// A Step is the clause at "name".
type Step struct {
	Pos  lexer.Position
	Name Str `parser:"'at' @String"`
}

// A Child is a sub-block, a list of them, or a compile-time value.
type Child struct {
	Name  *Ident `parser:"@@ '='"`
	Value Expr   `parser:"@@"`
	At    *Step  `parser:"@@?"`
}

// A MemberIf keeps one of its branches.
type MemberIf struct {
	Arms []*MemberArm `parser:"@@ ( (?= 'else' 'if') 'else' @@ )*"`
	Else []*Member    `parser:"( 'else' '{' ( @@ NL+ )* '}' )?"`
}

// A MemberArm is a condition with what it guards.
type MemberArm struct {
	Cond Expr      `parser:"'if' @@"`
	Then []*Member `parser:"'{' ( @@ NL+ )* '}'"`
}

// A MemberFor repeats its members for the elements of a list.
type MemberFor struct {
	Vars []*Ident  `parser:"'for' @@ ( ',' @@ )*"`
	In   Expr      `parser:"'in' @@"`
	Body []*Member `parser:"'{' ( @@ NL+ )* '}'"`
}

// A FnDecl is a fn or an entry.
type FnDecl struct {
	Pos     lexer.Position
	Kind    string   `parser:"@( 'fn' | 'entry' )"`
	Name    *Ident   `parser:"@@"`
	Params  []*Param `parser:"'(' ( @@ ( (?! ',' ')') ',' @@ )* ','? )? ')'"`
	Results *Results `parser:"( '->' @@ )?"`
	Where   []Expr   `parser:"( 'where' @@ ( ',' @@ )* )?"`
	Body    *Body    `parser:"@@"`
}

// A Kernel is Metal code with its reference.
type Kernel struct {
	Pos     lexer.Position
	Name    *Ident   `parser:"'kernel' @@"`
	Params  []*Param `parser:"'(' ( @@ ( (?! ',' ')') ',' @@ )* ','? )? ')'"`
	Results *Results `parser:"'->' @@"`
	Where   []Expr   `parser:"( 'where' @@ ( ',' @@ )* )?"`
	Ref     *Body    `parser:"'{' 'ref' @@ NL"`
	Launch  *ArgList `parser:"'metal' @@"`
	Metal   *Raw     `parser:"@@ NL"`
	VJP     *VJP     `parser:"( @@ NL )? '}'"`
}

// A Raw is a raw string, with its quotes.
type Raw struct {
	Pos  lexer.Position
	Text string `parser:"@Raw"`
}

// A VJP is the derivative of a kernel.
type VJP struct {
	Params []*Param `parser:"'vjp' '(' ( @@ ( (?! ',' ')') ',' @@ )* ','? )? ')'"`
	Body   *Body    `parser:"@@"`
}

// A Test is a test block.
type Test struct {
	Pos  lexer.Position
	Name Str    `parser:"'test' @String"`
	Uses Str    `parser:"( 'uses' @String"`
	As   *Ident `parser:"'as' @@ )?"`
	Body *Body  `parser:"@@"`
}

// A Param is a parameter of a block, a function or a kernel.
type Param struct {
	Name    *Ident    `parser:"@@"`
	Type    *TypeExpr `parser:"( ':' @@ )?"`
	Default Expr      `parser:"( '=' @@ )?"`
}

// Results are one type, or a list in parentheses of types with or without names.
type Results struct {
	Pos    lexer.Position
	Tuple  []*Result `parser:"( '(' ( @@ ( (?! ',' ')') ',' @@ )* ','? )? ')'"`
	Single *TypeExpr `parser:"| @@ )"`
}

// A Result is a result of a function.
type Result struct {
	Name *Ident    `parser:"( (?= Ident ':') @@ ':' )?"`
	Type *TypeExpr `parser:"@@"`
}

// A TypeExpr is a type: a name with sizes or without, or a list [T].
type TypeExpr struct {
	Pos  lexer.Position
	List *TypeExpr `parser:"( '[' @@ ']'"`
	Name string    `parser:"| @( Ident | 'dim' | 'param' | 'block' ) )"`
	Dims *SizeList `parser:"@@?"`
}

// A SizeList is the sizes of a tensor type.
type SizeList struct {
	Items []*SizeItem `parser:"'[' ( @@ ( (?! ',' ']') ',' @@ )* ','? )? ']'"`
}

// A SizeItem is a size, or ...S for any number of them.
type SizeItem struct {
	Pos  lexer.Position
	Rest bool   `parser:"( @'...'"`
	Name string `parser:"  @Ident?"`
	Expr Expr   `parser:"| @@ )"`
}

// A Body is statements in braces.
type Body struct {
	Stmts []*Stmt `parser:"'{' ( @@ NL+ )* '}'"`
}

// A Stmt is a statement with its annotations.
type Stmt struct {
	Pos    lexer.Position
	Annos  []*Anno `parser:"@@*"`
	Return *Return `parser:"( @@"`
	If     *If     `parser:"| @@"`
	For    *For    `parser:"| @@"`
	While  *While  `parser:"| @@"`
	Assert *Assert `parser:"| @@"`
	Scope  *Body   `parser:"| @@"`
	Assign *Assign `parser:"| @@ )"`
}

// A Return gives the values of a function.
type Return struct {
	Pos    lexer.Position
	Values []Expr `parser:"'return' ( @@ ( ',' @@ )* )?"`
}

// An If keeps one of its branches.
type If struct {
	Arms []*Arm `parser:"@@ ( (?= 'else' 'if') 'else' @@ )*"`
	Else *Body  `parser:"( 'else' @@ )?"`
}

// An Arm is a condition with what it guards.
type Arm struct {
	Cond Expr  `parser:"'if' @@"`
	Then *Body `parser:"@@"`
}

// A For is the compile-time for, or the run-time loop.
type For struct {
	Pos  lexer.Position
	Kind string   `parser:"@( 'for' | 'loop' )"`
	Vars []*Ident `parser:"@@ ( ',' @@ )*"`
	In   Expr     `parser:"'in' @@"`
	Body *Body    `parser:"@@"`
}

// A While is a run-time loop with a bound.
type While struct {
	Pos  lexer.Position
	Cond Expr  `parser:"'while' @@"`
	Max  Expr  `parser:"'max' @@"`
	Body *Body `parser:"@@"`
}

// An Assert demands a condition, with a message.
type Assert struct {
	Pos  lexer.Position
	Cond Expr `parser:"'assert' @@"`
	Msg  Str  `parser:"( ',' @String )?"`
}

// An Assign is also the expression that is a statement. What may stand on its
// left is checked after the parse, which makes for better messages.
type Assign struct {
	Left  []Expr `parser:"@@ ( ',' @@ )*"`
	Right []Expr `parser:"( '=' @@ ( ',' @@ )* )?"`
}

// Parse makes an ArgList participle.Parseable.
func (a *ArgList) Parse(lex *lexer.PeekingLexer) (err error) {
	p := &exprParser{lex: lex}
	if !p.accept("(") {
		return participle.NextMatch
	}
	a.Args, err = p.args()
	return err
}

var grammar = participle.MustBuild[File](
	participle.Lexer(tokenRules),
	participle.ParseTypeWith(parseExpr),
	participle.UseLookahead(0),
)
