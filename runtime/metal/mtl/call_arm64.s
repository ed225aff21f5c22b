//go:build darwin || (linux && mlxc_metal)

#include "textflag.h"

GLOBL ·sendAllAddress(SB), NOPTR|RODATA, $8
DATA ·sendAllAddress(SB)/8, $sendAll(SB)

// sendAll is as on amd64, but that sizes are passed by pointers, to copies that
// the function may overwrite.
TEXT sendAll(SB), NOSPLIT|NOFRAME, $0
	SUB  $96, RSP
	STP  (R29, R30), 0(RSP)
	STP  (R19, R20), 16(RSP)
	MOVD R21, 32(RSP)
	MOVD RSP, R29
	MOVD R0, R21
	MOVD 0(R21), R19 // messages
	MOVD 8(R21), R20 // n

loop:
	CBZ  R20, done
	MOVD 0(R19), R9 // kind
	CBZ  R9, next
	LDP  16(R19), (R2, R3) // args
	LDP  32(R19), (R4, R5)
	CMP  $1, R9
	BEQ  words
	LDP  48(R19), (R10, R11) // sizes
	LDP  64(R19), (R12, R13)
	LDP  80(R19), (R14, R15)
	STP  (R10, R11), 48(RSP)
	STP  (R12, R13), 64(RSP)
	STP  (R14, R15), 80(RSP)
	ADD  $48, RSP, R2
	ADD  $72, RSP, R3

words:
	MOVD  24(R21), R0  // receiver
	MOVD  8(R19), R1   // sel
	MOVD  16(R21), R16 // function
	BL    (R16)
	MOVD  R0, 32(R21)
	FMOVD F0, 40(R21)

next:
	ADD $96, R19
	SUB $1, R20
	B   loop

done:
	LDP  0(RSP), (R29, R30)
	LDP  16(RSP), (R19, R20)
	MOVD 32(RSP), R21
	ADD  $96, RSP
	RET
