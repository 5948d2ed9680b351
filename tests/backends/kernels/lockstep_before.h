// A processor in place of `before.h`: the functions CUDA has and C++ has not.
#include <cmath>
#include <cstring>
using namespace std;
#define FN static inline
#define NAN_F __builtin_nanf("")
#define INFINITY_F __builtin_inff()
FN float __fadd_rn(float a, float b) { return a + b; }
FN double __dadd_rn(double a, double b) { return a + b; }
FN float __fmul_rn(float a, float b) { return a * b; }
FN double __dmul_rn(double a, double b) { return a * b; }
FN float __fdiv_rn(float a, float b) { return a / b; }
FN double __ddiv_rn(double a, double b) { return a / b; }
FN float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
FN double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
FN float __fsqrt_rn(float a) { return sqrtf(a); }
FN double __dsqrt_rn(double a) { return sqrt(a); }
// Newton's method from Winitzki's estimate.
template <class T> FN T erfinv(T y) {
  if (y != y || y < (T)-1 || y > (T)1) return (T)NAN;
  if (y == (T)1 || y == (T)-1) return y * (T)INFINITY;
  double v = y, l = ::log(1 - v * v), a = 0.147, b = 2 / (M_PI * a) + l / 2;
  double x = copysign(::sqrt(::sqrt(b * b - l / a) - b), v);
  for (int k = 0; k < 4; ++k) x -= (::erf(x) - v) / (2 / ::sqrt(M_PI) * ::exp(-x * x));
  return (T)x;
}
