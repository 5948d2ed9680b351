// What one lane computes: the operations of a kernel's description, on one value each.
// Integers have no sign; operations that need one say so. Every function rounds once:
// compilers contract nothing across calls of __fadd_rn and the like.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
struct f16 { u16 bits; };
struct b16 { u16 bits; };

template <class T> struct Signed { typedef T type; };
template <> struct Signed<u8> { typedef i8 type; };
template <> struct Signed<u16> { typedef i16 type; };
template <> struct Signed<u32> { typedef i32 type; };
template <> struct Signed<u64> { typedef i64 type; };
template <class T> FN typename Signed<T>::type sgn(T x) { return (typename Signed<T>::type)x; }
template <class T, class S> FN T bits_as(S x) { T y; memcpy(&y, &x, sizeof y); return y; }

#define EITHER(name, e) template <class T> FN T name(T a, T b) { return (T)(e); }
EITHER(op_add, a + b) EITHER(op_sub, a - b) EITHER(op_mul, (u64)a * (u64)b)
EITHER(op_udiv, a / b) EITHER(op_urem, a % b) EITHER(op_sdiv, sgn(a) / sgn(b)) EITHER(op_srem, sgn(a) % sgn(b))
EITHER(op_and, a & b) EITHER(op_or, a | b) EITHER(op_xor, a ^ b)
EITHER(op_shl, (u64)a << b) EITHER(op_lshr, a >> b) EITHER(op_ashr, sgn(a) >> b)
EITHER(op_smin, sgn(a) < sgn(b) ? a : b)
EITHER(op_maximum, a != a ? a : b != b ? b : a > b ? a : b > a ? b : signbit(a) ? b : a)
EITHER(op_minimum, a != a ? a : b != b ? b : a < b ? a : b < a ? b : signbit(a) ? a : b)
FN float op_fadd(float a, float b) { return __fadd_rn(a, b); }
FN double op_fadd(double a, double b) { return __dadd_rn(a, b); }
FN float op_fsub(float a, float b) { return __fadd_rn(a, -b); }
FN double op_fsub(double a, double b) { return __dadd_rn(a, -b); }
FN float op_fmul(float a, float b) { return __fmul_rn(a, b); }
FN double op_fmul(double a, double b) { return __dmul_rn(a, b); }
FN float op_fdiv(float a, float b) { return __fdiv_rn(a, b); }
FN double op_fdiv(double a, double b) { return __ddiv_rn(a, b); }
FN float op_frem(float a, float b) { return fmodf(a, b); }
FN double op_frem(double a, double b) { return fmod(a, b); }
FN float op_fmuladd(float a, float b, float c) { return __fmaf_rn(a, b, c); }
FN double op_fmuladd(double a, double b, double c) { return __fma_rn(a, b, c); }
template <class T> FN T op_fma(T a, T b, T c) { return op_fmuladd(a, b, c); }
template <class T> FN T op_fneg(T a) { return -a; }
FN float op_fabs(float a) { return fabsf(a); }
FN double op_fabs(double a) { return fabs(a); }
FN float op_sqrt(float a) { return __fsqrt_rn(a); }
FN double op_sqrt(double a) { return __dsqrt_rn(a); }
FN float op_floor(float a) { return floorf(a); }
FN double op_floor(double a) { return floor(a); }
FN float op_ceil(float a) { return ceilf(a); }
FN double op_ceil(double a) { return ceil(a); }
FN float op_roundeven(float a) { return rintf(a); }
FN double op_roundeven(double a) { return rint(a); }
FN float op_copysign(float a, float b) { return copysignf(a, b); }
FN double op_copysign(double a, double b) { return copysign(a, b); }

#define TRUTH(name, e) template <class T> FN bool name(T a, T b) { return e; }
TRUTH(is_eq, a == b) TRUTH(is_ne, a != b)
TRUTH(is_slt, sgn(a) < sgn(b)) TRUTH(is_sle, sgn(a) <= sgn(b)) TRUTH(is_sgt, sgn(a) > sgn(b)) TRUTH(is_sge, sgn(a) >= sgn(b))
TRUTH(is_oeq, a == b) TRUTH(is_olt, a < b) TRUTH(is_ole, a <= b) TRUTH(is_ogt, a > b) TRUTH(is_oge, a >= b)
TRUTH(is_une, !(a == b)) TRUTH(is_ord, a == a && b == b) TRUTH(is_uno, a != a || b != b)
// of integers without sign, and of floats where NaN is as good as true
TRUTH(is_ult, !(a >= b)) TRUTH(is_ule, !(a > b)) TRUTH(is_ugt, !(a <= b)) TRUTH(is_uge, !(a < b))
template <class T> FN T op_select(bool c, T a, T b) { return c ? a : b; }

template <class T, class S> FN T to_cut(S x) { return (T)x; }
template <class T, class S> FN T to_sext(S x) { return (T)(i64)sgn(x); }
template <class T, class S> FN T to_sitofp(S x) { return (T)sgn(x); }
template <class T, class S> FN T to_bits(S x) { return bits_as<T>(x); }
// Floats to integers: to the nearest end where they do not fit, NaN to 0.
template <class T, class S> FN T to_signed(S x) {
  const S top = (S)(1ull << (sizeof(T) * 8 - 1));
  const u64 most = (1ull << (sizeof(T) * 8 - 1)) - 1;
  return x != x ? (T)0 : x >= top ? (T)most : x < -top ? (T)~most : (T)(i64)x;
}
template <class T, class S> FN T to_unsigned(S x) {
  const S half = (S)(1ull << (sizeof(T) * 8 - 1));
  return x != x || x <= (S)0 ? (T)0 : x >= half * (S)2 ? (T)~0ull : (T)(u64)x;
}

#define MATH(name) FN float m_##name(float a) { return name##f(a); } FN double m_##name(double a) { return name(a); }
#define MATH2(name) FN float m_##name(float a, float b) { return name##f(a, b); } FN double m_##name(double a, double b) { return name(a, b); }
MATH(asin) MATH(acos) MATH(atan) MATH(sin) MATH(cos) MATH(tan) MATH(sinh) MATH(cosh)
MATH(asinh) MATH(acosh) MATH(atanh) MATH(erf) MATH(lgamma)
MATH2(atan2) MATH2(pow) MATH2(nextafter)

// Beyond C's library.
FN float m_erfinv(float a) { return erfinv(a); }
FN double m_erfinv(double a) { return erfinv(a); }
template <class T> FN T m_digamma(T x) {
  const T pi = (T)3.14159265358979323846;
  T sum = 0;
  if (x <= (T)0 && x == floor(x)) return (T)NAN_F;
  if (x < (T)0) {  // by reflection
    sum = -pi / tan(pi * (x - floor(x)));
    x = (T)1 - x;
  }
  while (x < (T)10) { sum -= (T)1 / x; x += (T)1; }
  const T z = (T)1 / (x * x);
  const T tail = z * ((T)(1. / 12) - z * ((T)(1. / 120) - z * ((T)(1. / 252) - z * ((T)(1. / 240) - z * (T)(1. / 132)))));
  return sum + log(x) - (T)0.5 / x - tail;
}
template <class T> FN T m_pow_unsigned(T a, T b) {
  T r = 1;
  for (; b; b = (T)(b >> 1)) { if (b & 1) r = op_mul(r, a); a = op_mul(a, a); }
  return r;
}
// A negative power is cut off to 0, but for 1 and -1.
template <class T> FN T m_pow_signed(T a, T b) {
  if (sgn(b) < 0) return a == (T)1 ? (T)1 : a == (T)-1 ? ((b & 1) ? (T)-1 : (T)1) : (T)0;
  return m_pow_unsigned(a, b);
}
// The float of so many fraction bits after `a` towards `b`; LEAST is the exponent of subnormals.
template <int FRACTION, int LEAST> FN float next_half(float a, float b) {
  if (a != a || b != b) return NAN_F;
  if (a == b) return b;
  if (a == 0.f) return copysignf(ldexpf(1.f, LEAST - FRACTION), b);
  if (fabsf(a) == INFINITY_F) return copysignf(ldexpf(2.f - ldexpf(1.f, -FRACTION), 1 - LEAST), a);
  int e;
  const float m = frexpf(a, &e);
  if (--e < LEAST) e = LEAST;
  else if (e > LEAST && fabsf(m) == 0.5f && (b < a) == (a > 0.f)) --e;
  const float unit = ldexpf(1.f, e - FRACTION);
  return b > a ? a + unit : a - unit;
}
FN float m_next_f16(float a, float b) { return next_half<10, -14>(a, b); }
FN float m_next_bf16(float a, float b) { return next_half<7, -126>(a, b); }

FN float half_to_float(b16 x) { return bits_as<float>((u32)x.bits << 16); }
FN b16 float_to_bf16(float x) {  // to nearest, ties to even; NaN stays one
  const u32 u = bits_as<u32>(x);
  b16 y;
  y.bits = (u16)((x != x ? u | 0x400000u : u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  return y;
}
