/* Wine 8.0 lacks the library from which Go programs take random bytes. This one stands in for it in the prefix of the checks,
   and nowhere else: it is never shipped. */
#include <windows.h>

BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
    for (; length > 0x10000; data += 0x10000, length -= 0x10000)
        if (!SystemFunction036(data, 0x10000))
            return FALSE;
    return SystemFunction036(data, (ULONG)length);
}
