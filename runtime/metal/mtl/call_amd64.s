//go:build darwin || (linux && mlxc_metal)

#include "textflag.h"

GLOBL ·sendAllAddress(SB), NOPTR|RODATA, $8
DATA ·sendAllAddress(SB)/8, $sendAll(SB)

// void sendAll(call *c): for each message that is not absent,
//
//	c->result = c->function(c->receiver, sel, args...)
//
// It runs on the thread's own stack, entered by cgocall. Sizes are passed on the
// stack, where a function without them does not look.
TEXT sendAll(SB), NOSPLIT|NOFRAME, $0
	PUSHQ BX
	PUSHQ R12
	PUSHQ R13
	SUBQ  $48, SP
	MOVQ  DI, R13
	MOVQ  0(R13), BX  // messages
	MOVQ  8(R13), R12 // n

loop:
	TESTQ R12, R12
	JZ    done
	CMPQ  0(BX), $0 // kind
	JEQ   next
	MOVOU 48(BX), X0 // sizes
	MOVOU 64(BX), X1
	MOVOU 80(BX), X2
	MOVOU X0, 0(SP)
	MOVOU X1, 16(SP)
	MOVOU X2, 32(SP)
	MOVQ  24(R13), DI // receiver
	MOVQ  8(BX), SI   // sel
	MOVQ  16(BX), DX  // args
	MOVQ  24(BX), CX
	MOVQ  32(BX), R8
	MOVQ  40(BX), R9
	MOVQ  16(R13), R11 // function
	XORL  AX, AX
	CALL  R11
	MOVQ  AX, 32(R13)
	MOVSD X0, 40(R13)

next:
	ADDQ $96, BX
	DECQ R12
	JMP  loop

done:
	ADDQ $48, SP
	POPQ R13
	POPQ R12
	POPQ BX
	RET
