// A stand-in for cuBLAS: the same C interface, matrices in the host's memory.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
namespace {
size_t room = 0;  // told anew after each change of the stream, as cuBLAS wants it
enum { F32 = 0, F64 = 1, F16 = 2, BF16 = 14, EXACT = 68, DOUBLE = 70, TF32 = 77 };
const int SUCCESS = 0, INVALID = 7, FAILED = 13;
size_t width(int kind) { return kind == F64 ? 8 : kind == F32 ? 4 : 2; }
float from_bits(uint32_t u) { float y; memcpy(&y, &u, 4); return y; }
uint32_t bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
uint32_t nearest(uint32_t u, int cut) { return (u + (1u << (cut - 1)) - 1 + ((u >> cut) & 1)) >> cut; }
double load(const char* p, int kind, int compute) {
  if (kind == F64) { double y; memcpy(&y, p, 8); return y; }
  if (kind == F16) { _Float16 h; memcpy(&h, p, 2); return (double)h; }
  if (kind == BF16) { uint16_t h; memcpy(&h, p, 2); return from_bits((uint32_t)h << 16); }
  float y;
  memcpy(&y, p, 4);
  return compute == TF32 && std::isfinite(y) ? from_bits(nearest(bits(y), 13) << 13) : y;
}
void store(char* p, int kind, double x) {
  if (kind == F64) { memcpy(p, &x, 8); return; }
  float y = (float)x;
  if (kind == F32) { memcpy(p, &y, 4); return; }
  if (kind == F16) { _Float16 h = (_Float16)y; memcpy(p, &h, 2); return; }
  uint16_t h = std::isnan(y) ? 0x7fc0 : (uint16_t)nearest(bits(y), 16);
  memcpy(p, &h, 2);
}
}  // namespace
extern "C" {
int cublasCreate_v2(void** handle) { *handle = (void*)7; return SUCCESS; }
int cublasSetStream_v2(void*, void*) { room = 0; return SUCCESS; }
int cublasSetWorkspace_v2(void*, void* at, size_t nbytes) { room = at ? nbytes : 0; return SUCCESS; }
int cublasGemmStridedBatchedEx(
    void* handle, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int ka, int lda, long long sa,
    const void* b, int kb, int ldb, long long sb, const void* beta, void* c, int kc, int ldc, long long sc, int count,
    int compute, int algorithm) {
  const bool wide = compute == DOUBLE;
  const double one = wide ? *(const double*)alpha : *(const float*)alpha;
  const double none = wide ? *(const double*)beta : *(const float*)beta;
  const bool fits = lda >= (ta ? k : m) && ldb >= (tb ? n : k) && ldc >= m && m > 0 && n > 0 && k > 0 && count > 0;
  const bool kinds = ka == kb && kb == kc && wide == (ka == F64) && (wide || compute == EXACT || (compute == TF32 && ka == F32));
  if (handle != (void*)7 || !fits || !kinds || one != 1 || none != 0 || algorithm != -1) return INVALID;
  if (!room) return FAILED;
  const char *pa = (const char*)a, *pb = (const char*)b;
  for (long long s = 0; s < count; ++s)
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < m; ++i) {
        double sum = 0;
        for (long long r = 0; r < k; ++r) {
          const long long at = s * sa + (ta ? r + (long long)i * lda : i + r * lda);
          const long long bt = s * sb + (tb ? j + r * ldb : r + (long long)j * ldb);
          sum += load(pa + at * width(ka), ka, compute) * load(pb + bt * width(kb), kb, compute);
        }
        store((char*)c + (s * sc + i + (long long)j * ldc) * width(kc), kc, sum);
      }
  return SUCCESS;
}
int cublasGemmEx(
    void* handle, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int ka, int lda, const void* b,
    int kb, int ldb, const void* beta, void* c, int kc, int ldc, int compute, int algorithm) {
  return cublasGemmStridedBatchedEx(
      handle, ta, tb, m, n, k, alpha, a, ka, lda, 0, b, kb, ldb, 0, beta, c, kc, ldc, 0, 1, compute, algorithm);
}
}
