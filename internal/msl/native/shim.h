// What the Metal text sees: types, constants and attributes of Metal, and in namespace
// msl what its library functions are made of. The functions themselves are generated
// after this from functions.tsv, one overload per row, over msl::f_NAME.
//
// MSL_STRICT keeps address spaces apart, for the pass that only checks.
#include "thread.h"

#ifdef MSL_STRICT
#define device __attribute__((address_space(1)))
#define constant const __attribute__((address_space(2)))
#define threadgroup __attribute__((address_space(3)))
#else
#define device
#define constant const
#define threadgroup
#endif
#define thread
#define kernel static

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FLT_MAX 3.40282346638528859812e+38f
#define M_PI_F 3.14159265358979323846f
#define M_LOG2E_F 1.44269504088896340736f
#define M_SQRT1_2_F 0.70710678118654752440f

// Functions of the library leave no trace in the line table: their code belongs to the
// line that calls them.
#define MSL_FN inline __attribute__((always_inline, nodebug, no_sanitize("undefined")))

namespace metal {

typedef _Float16 half;
typedef __bf16 bfloat;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

#define MSL_VECTOR(t, n) typedef t t##n __attribute__((ext_vector_type(n)));
#define MSL_VECTORS(t) MSL_VECTOR(t, 2) MSL_VECTOR(t, 4)
MSL_VECTORS(float) MSL_VECTORS(half) MSL_VECTORS(bfloat)
MSL_VECTORS(char) MSL_VECTORS(uchar) MSL_VECTORS(short) MSL_VECTORS(ushort) MSL_VECTORS(int) MSL_VECTORS(uint)
MSL_VECTOR(long, 2) MSL_VECTOR(ulong, 2)     // of 16 bytes: larger accesses escape the checks
MSL_VECTOR(ushort, 3) MSL_VECTOR(uint, 3)    // positions

enum class mem_flags : uint {
  mem_none = MSL_MEM_NONE,
  mem_device = MSL_MEM_DEVICE,
  mem_threadgroup = MSL_MEM_THREADGROUP
};
MSL_FN constexpr mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(uint(a) | uint(b)); }

// A lane holds two neighbours of one row.
template <class T, int C, int R> struct simdgroup_matrix {
  static_assert(C == 8 && R == 8, "simdgroup matrices are 8 by 8");
  typedef T element;
  T e[2];
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;

// An array of matrices. The compiler checks no index of an array of structures that is
// one too large, but that of any read of a scalar.
template <class T, int N> struct matrices {
  T e[N];
  bool at[N];
  inline __attribute__((always_inline, nodebug)) T &operator[](int i) {
    bool inside = at[i];
    asm volatile("" : : "r"(inside));
    return e[i];
  }
};

// The two templates of the library. What the table lacks has no specialisation.
template <class R, class... A> R as_type(A...) = delete;
template <class T, int C, class... A> simdgroup_matrix<T, C, C> make_filled_simdgroup_matrix(A...) = delete;

} // namespace metal

namespace msl {
using namespace metal;

// ---- vectors

template <class T> struct shape {
  typedef T element;
  static constexpr int size = 1;
};
template <class T, int N> struct shape<T __attribute__((ext_vector_type(N)))> {
  typedef T element;
  static constexpr int size = N;
};

template <class T> MSL_FN typename shape<T>::element at(T v, int i) {
  if constexpr (shape<T>::size == 1) return v;
  else return v[i];
}

template <class E, class A> constexpr bool same_element = __is_same(E, typename shape<A>::element);

// make is the constructor of a vector: from one scalar or vector by conversion of each
// element, or from parts with elements of its own type.
template <class V, class A> MSL_FN V make(A a) {
  typedef typename shape<V>::element E;
  static_assert(shape<A>::size == 1 || shape<A>::size == shape<V>::size,
                "a vector has as many elements as what it is made of");
  static_assert(shape<A>::size > 1 || __is_same(A, E), "a vector is filled with its own element type");
  V r;
  for (int i = 0; i < shape<V>::size; i++) r[i] = static_cast<E>(at(a, i));
  return r;
}
template <class V, class A> MSL_FN void put(V &r, int &i, A a) {
  for (int k = 0; k < shape<A>::size; k++) r[i++] = at(a, k);
}
template <class V, class A, class B, class... C> MSL_FN V make(A a, B b, C... c) {
  typedef typename shape<V>::element E;
  static_assert(same_element<E, A> && same_element<E, B> && (true && ... && same_element<E, C>),
                "the parts of a vector have its own element type");
  static_assert(((shape<A>::size + shape<B>::size) + ... + shape<C>::size) == shape<V>::size,
                "the parts of a vector are as many as its elements");
  V r;
  int i = 0;
  put(r, i, a), put(r, i, b), (put(r, i, c), ...);
  return r;
}

// ---- functions of each element, computed in float for half and bfloat

template <class T> MSL_FN T wide(T x) { return x; }
MSL_FN float wide(half x) { return static_cast<float>(x); }
MSL_FN float wide(bfloat x) { return static_cast<float>(x); }

template <class F, class R, class... A> MSL_FN R apply(A... a) {
  if constexpr (shape<R>::size == 1) return static_cast<R>(F::of(wide(a)...));
  else {
    typedef typename shape<R>::element E;
    R r;
    for (int i = 0; i < shape<R>::size; i++) r[i] = static_cast<E>(F::of(wide(at(a, i))...));
    return r;
  }
}

#define MSL_EACH(name, params, value) \
  struct f_##name { \
    static MSL_FN auto of params { return value; } \
    template <class R, class... A> static MSL_FN R call(A... a) { return apply<f_##name, R>(a...); } \
  };
#define MSL_EACH_T(name, params, value) \
  struct f_##name { \
    template <class T> static MSL_FN auto of params { return value; } \
    template <class R, class... A> static MSL_FN R call(A... a) { return apply<f_##name, R>(a...); } \
  };

#define MSL_FROM_C1(name) MSL_EACH(name, (float x), msl_##name(x))
#define MSL_FROM_C2(name) MSL_EACH(name, (float x, float y), msl_##name(x, y))
MSL_MATH1(MSL_FROM_C1)
MSL_MATH2(MSL_FROM_C2)
MSL_EACH(ldexp, (float x, int e), msl_ldexp(x, e))
MSL_EACH(sqrt, (float x), __builtin_sqrtf(x))
MSL_EACH(rsqrt, (float x), 1.0f / __builtin_sqrtf(x))
MSL_EACH(floor, (float x), __builtin_floorf(x))
MSL_EACH(ceil, (float x), __builtin_ceilf(x))
MSL_EACH(trunc, (float x), __builtin_truncf(x))
MSL_EACH(rint, (float x), __builtin_rintf(x))
MSL_EACH(round, (float x), __builtin_roundf(x))
MSL_EACH(fabs, (float x), __builtin_fabsf(x))
MSL_EACH(fma, (float x, float y, float z), __builtin_fmaf(x, y, z))
MSL_EACH(divide, (float x, float y), x / y)
MSL_EACH(copysign, (float x, float y), __builtin_copysignf(x, y))
MSL_EACH(sign, (float x), x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == 0.0f ? x : 0.0f)
MSL_EACH(isnan, (float x), __builtin_isnan(x))
MSL_EACH(isinf, (float x), __builtin_isinf(x) != 0)
MSL_EACH(isfinite, (float x), __builtin_isfinite(x))
MSL_EACH(signbit, (float x), __builtin_signbit(x) != 0)

template <class T> struct of_size {};
template <> struct of_size<char> { typedef uchar type; };
template <> struct of_size<short> { typedef ushort type; };
template <> struct of_size<int> { typedef uint type; };
template <> struct of_size<long> { typedef ulong type; };
template <> struct of_size<uchar> { typedef uchar type; };
template <> struct of_size<ushort> { typedef ushort type; };
template <> struct of_size<uint> { typedef uint type; };
template <> struct of_size<ulong> { typedef ulong type; };
template <class T> using bits_of = typename of_size<T>::type;
template <class T> constexpr int width = sizeof(T) * 8;

// The larger or smaller of a number and NaN is the number.
template <class T> MSL_FN T larger(T a, T b) { return a < b || a != a ? b : a; }
template <class T> MSL_FN T smaller(T a, T b) { return b < a || a != a ? b : a; }
template <class T> MSL_FN T magnitude(T a) {
  if constexpr (__is_same(T, float)) return __builtin_fabsf(a);
  else return a < 0 ? static_cast<T>(-a) : a;
}
template <class T> MSL_FN T reversed(T a) {
  bits_of<T> from = static_cast<bits_of<T>>(a), to = 0;
  for (int i = 0; i < width<T>; i++) to = static_cast<bits_of<T>>(to << 1 | (from >> i & 1));
  return static_cast<T>(to);
}
MSL_EACH(fmax, (float a, float b), larger(a, b))
MSL_EACH(fmin, (float a, float b), smaller(a, b))
MSL_EACH_T(max, (T a, T b), larger(a, b))
MSL_EACH_T(min, (T a, T b), smaller(a, b))
MSL_EACH_T(clamp, (T x, T a, T b), smaller(larger(x, a), b))
MSL_EACH_T(abs, (T a), magnitude(a))
MSL_EACH_T(select, (T a, T b, bool c), c ? b : a)
MSL_EACH_T(popcount, (T a), __builtin_popcountl(static_cast<bits_of<T>>(a)))
MSL_EACH_T(clz, (T a), a == 0 ? width<T> : __builtin_clzl(static_cast<bits_of<T>>(a)) - (64 - width<T>))
MSL_EACH_T(ctz, (T a), a == 0 ? width<T> : __builtin_ctzl(static_cast<bits_of<T>>(a)))
MSL_EACH_T(reverse_bits, (T a), reversed(a))
MSL_EACH_T(rotate, (T a, T n), n % width<T> == 0 ? a : a << n % width<T> | a >> (width<T> - n % width<T>))

// ---- functions of whole values

struct f_dot {
  template <class R, class V> static MSL_FN R call(V a, V b) {
    R r = a[0] * b[0];
    for (int i = 1; i < shape<V>::size; i++) r += a[i] * b[i];
    return r;
  }
};

struct f_as_type {
  template <class R, class A> static MSL_FN R call(A a) {
    static_assert(sizeof(R) == sizeof(A));
    return __builtin_bit_cast(R, a);
  }
};

// ---- simdgroups

template <class T> struct lanes {
  const uchar *slots;
  uint came;
  static MSL_FN lanes exchange(T v, msl_site site) {
    static_assert(sizeof(T) <= 16);
    lanes l;
    l.slots = static_cast<const uchar *>(msl_exchange(&v, sizeof v, msl_now.self->lane, &l.came, site));
    return l;
  }
  MSL_FN T operator[](uint i) const {
    T v;
    __builtin_memcpy(&v, slots + (i % MSL_LANES) * 16, sizeof v);
    return v;
  }
  MSL_FN bool has(uint i) const { return came >> i & 1; }
};

MSL_FN uint lane() { return msl_now.self->lane; }

// fold combines the values of lanes [0, end) from first on.
template <class F, class T> MSL_FN T fold(lanes<T> l, T first, uint end) {
  T r = first;
  for (uint i = 0; i < end; i++)
    if (l.has(i)) r = apply<F, T>(r, l[i]);
  return r;
}
template <class F, class T> MSL_FN T reduce(lanes<T> l) {
  uint first = static_cast<uint>(__builtin_ctz(l.came));
  T r = l[first];
  for (uint i = first + 1; i < MSL_LANES; i++)
    if (l.has(i)) r = apply<F, T>(r, l[i]);
  return r;
}

MSL_EACH_T(add, (T a, T b), a + b)
MSL_EACH_T(multiply, (T a, T b), a * b)

#define MSL_REDUCE(name, f) \
  struct f_##name { \
    template <class R> static MSL_FN R call(R v, msl_site s) { \
      return reduce<f, R>(lanes<R>::exchange(v, s)); \
    } \
  };
MSL_REDUCE(simd_sum, f_add)
MSL_REDUCE(simd_product, f_multiply)
MSL_REDUCE(simd_max, f_max)
MSL_REDUCE(simd_min, f_min)

#define MSL_PREFIX(name, f, identity, end) \
  struct f_##name { \
    template <class R> static MSL_FN R call(R v, msl_site s) { \
      return fold<f, R>(lanes<R>::exchange(v, s), static_cast<R>(identity), end); \
    } \
  };
MSL_PREFIX(simd_prefix_inclusive_sum, f_add, 0, lane() + 1)
MSL_PREFIX(simd_prefix_exclusive_sum, f_add, 0, lane())
MSL_PREFIX(simd_prefix_inclusive_product, f_multiply, 1, lane() + 1)
MSL_PREFIX(simd_prefix_exclusive_product, f_multiply, 1, lane())

struct f_simd_all {
  template <class R> static MSL_FN R call(bool v, msl_site s) {
    lanes<bool> l = lanes<bool>::exchange(v, s);
    for (uint i = 0; i < MSL_LANES; i++)
      if (l.has(i) && !l[i]) return false;
    return true;
  }
};
struct f_simd_any {
  template <class R> static MSL_FN R call(bool v, msl_site s) { return !f_simd_all::call<bool>(!v, s); }
};

// A shuffle from a lane that is not there leaves the value as it is, as good as any
// other: Metal leaves it undefined.
#define MSL_SHUFFLE(name, from) \
  struct f_##name { \
    template <class R, class N> static MSL_FN R call(R v, N n, msl_site s) { \
      uint i = from; \
      lanes<R> l = lanes<R>::exchange(v, s); \
      return i < MSL_LANES && l.has(i) ? l[i] : v; \
    } \
  };
MSL_SHUFFLE(simd_shuffle, static_cast<uint>(n))
MSL_SHUFFLE(simd_shuffle_xor, lane() ^ static_cast<uint>(n))
MSL_SHUFFLE(simd_shuffle_up, lane() - static_cast<uint>(n))
MSL_SHUFFLE(simd_shuffle_down, lane() + static_cast<uint>(n))

struct f_simd_shuffle_and_fill_up {
  template <class R, class N> static MSL_FN R call(R v, R fill, N n, msl_site s) {
    uint i = lane() - static_cast<uint>(n);
    lanes<R> l = lanes<R>::exchange(v, s), f = lanes<R>::exchange(fill, s);
    if (i < MSL_LANES) return l.has(i) ? l[i] : v;
    return f[i]; // modulo the size of the simdgroup
  }
};

struct f_simdgroup_barrier {
  template <class R> static MSL_FN void call(mem_flags f, msl_site s) { msl_simdgroup_barrier(uint(f), s); }
};
struct f_threadgroup_barrier {
  template <class R> static MSL_FN void call(mem_flags f, msl_site s) { msl_threadgroup_barrier(uint(f), s); }
};

// ---- simdgroup matrices

// row and column of a lane's first element.
MSL_FN uint row() { return (lane() >> 4 & 1) * 4 + (lane() >> 1 & 3); }
MSL_FN uint column() { return (lane() >> 3 & 1) * 4 + (lane() & 1) * 2; }

// Matrices are the business of all lanes, also where nothing is exchanged.
MSL_FN void together(msl_site s) {
  uint all;
  msl_exchange(&all, 0, lane(), &all, s);
}

struct f_make_filled_simdgroup_matrix {
  template <class M, class T> static MSL_FN M call(T v) { return M{{v, v}}; }
};

// A block is where a matrix lies in memory, at (origin[0], origin[1]) of rows of stride.
struct block {
  ulong stride;
  ulong2 origin;
  bool transpose;
  MSL_FN ulong place(uint i) const {
    ulong r = row(), c = column() + i;
    return transpose ? (origin[1] + c) * stride + origin[0] + r : (origin[1] + r) * stride + origin[0] + c;
  }
};

struct f_simdgroup_load {
  template <class R, class M, class P> static MSL_FN void call(M &m, P from, ulong stride, msl_site s) {
    move(m, from, block{stride, ulong2{0, 0}, false}, s);
  }
  template <class R, class M, class P>
  static MSL_FN void call(M &m, P from, ulong stride, ulong2 origin, bool transpose, msl_site s) {
    move(m, from, block{stride, origin, transpose}, s);
  }
  template <class M, class P> static MSL_FN void move(M &m, P from, block b, msl_site s) {
    together(s);
    for (uint i = 0; i < 2; i++) m.e[i] = from[b.place(i)];
  }
};

struct f_simdgroup_store {
  template <class R, class M, class P> static MSL_FN void call(M m, P to, ulong stride, msl_site s) {
    move(m, to, block{stride, ulong2{0, 0}, false}, s);
  }
  template <class R, class M, class P>
  static MSL_FN void call(M m, P to, ulong stride, ulong2 origin, bool transpose, msl_site s) {
    move(m, to, block{stride, origin, transpose}, s);
  }
  template <class M, class P> static MSL_FN void move(M m, P to, block b, msl_site s) {
    together(s);
    for (uint i = 0; i < 2; i++) to[b.place(i)] = m.e[i];
  }
};

// Products are summed in float, by rising k. The factors meet in matrix order: slot
// 4 row + column / 2 holds two elements of each.
struct factors {
  float a[2], b[2];
};
struct f_simdgroup_multiply_accumulate {
  template <class R, class D, class M> static MSL_FN void call(D &d, M a, M b, D c, msl_site s) {
    factors mine = {{wide(a.e[0]), wide(a.e[1])}, {wide(b.e[0]), wide(b.e[1])}};
    uint all, r = row() * 4, col = column() / 2;
    const factors *m = static_cast<const factors *>(msl_exchange(&mine, sizeof mine, r + col, &all, s));
    for (uint i = 0; i < 2; i++) {
      float sum = wide(c.e[i]);
      for (uint k = 0; k < 8; k++) sum = __builtin_fmaf(m[r + k / 2].a[k % 2], m[k * 4 + col].b[i], sum);
      d.e[i] = static_cast<typename D::element>(sum);
    }
  }
};

// ---- arguments of kernels

struct triple {
  uint x, y, z;
};
MSL_FN triple of(const uint *p) { return {p[0], p[1], p[2]}; }
MSL_FN triple thread_position_in_threadgroup() { return of(msl_now.self->position); }
MSL_FN triple threadgroup_position_in_grid() { return of(msl_now.group); }
MSL_FN triple threads_per_threadgroup() { return of(msl_now.threads); }
MSL_FN triple threadgroups_per_grid() { return of(msl_now.groups); }
MSL_FN triple thread_position_in_grid() {
  triple t = thread_position_in_threadgroup(), g = threadgroup_position_in_grid(), n = threads_per_threadgroup();
  return {g.x * n.x + t.x, g.y * n.y + t.y, g.z * n.z + t.z};
}
MSL_FN triple threads_per_grid() {
  triple g = threadgroups_per_grid(), n = threads_per_threadgroup();
  return {g.x * n.x, g.y * n.y, g.z * n.z};
}
MSL_FN uint thread_index_in_threadgroup() { return msl_now.self->index; }
MSL_FN uint thread_index_in_simdgroup() { return lane(); }
MSL_FN uint simdgroup_index_in_threadgroup() { return msl_now.self->simdgroup; }
MSL_FN uint simdgroups_per_threadgroup() { return msl_now.simdgroups; }
MSL_FN uint threads_per_simdgroup() { return MSL_LANES; }

template <class T> MSL_FN T as(uint v) { return static_cast<T>(v); }
template <class T> MSL_FN T as(triple v) {
  if constexpr (shape<T>::size == 1) return static_cast<T>(v.x);
  else {
    uint all[3] = {v.x, v.y, v.z};
    T r;
    for (int i = 0; i < shape<T>::size; i++) r[i] = static_cast<typename shape<T>::element>(all[i]);
    return r;
  }
}

MSL_FN void *buffer(int index) { return msl_now.buffers[index]; }

} // namespace msl

// The compiler rounds float to bfloat by calling this.
extern "C" __attribute__((weak, used, visibility("hidden"), nodebug, no_sanitize("thread", "undefined")))
__bf16 __truncsfbf2(float x) {
  unsigned bits = __builtin_bit_cast(unsigned, x);
  if ((bits & 0x7fffffff) > 0x7f800000) bits |= 0x00400000; // a quiet NaN
  else bits += 0x7fff + (bits >> 16 & 1);
  return __builtin_bit_cast(__bf16, static_cast<unsigned short>(bits >> 16));
}
