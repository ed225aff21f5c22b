// objc_msgSend(receiver, selector, ...): finds the method and jumps to it with
// all arguments in place. A message to nil answers zero. No method takes an
// argument in a vector register.
	.text
	.globl objc_msgSend
	.type objc_msgSend, %function
objc_msgSend:
#if defined(__x86_64__)
	test %rdi, %rdi
	jz 1f
	push %rbp
	mov %rsp, %rbp
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %r8
	push %r9
	call message_lookup
	pop %r9
	pop %r8
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
	pop %rbp
	jmp *%rax
1:	xor %eax, %eax
	xor %edx, %edx
	xorps %xmm0, %xmm0
	ret
#elif defined(__aarch64__)
	cbz x0, 1f
	stp x29, x30, [sp, #-96]!
	mov x29, sp
	stp x0, x1, [sp, #16]
	stp x2, x3, [sp, #32]
	stp x4, x5, [sp, #48]
	stp x6, x7, [sp, #64]
	str x8, [sp, #80]
	bl message_lookup
	mov x16, x0
	ldp x0, x1, [sp, #16]
	ldp x2, x3, [sp, #32]
	ldp x4, x5, [sp, #48]
	ldp x6, x7, [sp, #64]
	ldr x8, [sp, #80]
	ldp x29, x30, [sp], #96
	br x16
1:	mov x0, #0
	mov x1, #0
	movi d0, #0
	ret
#else
#error "no objc_msgSend for this architecture"
#endif
	.size objc_msgSend, .-objc_msgSend
	.section .note.GNU-stack, "", %progbits
