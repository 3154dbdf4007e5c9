package arena

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserve gets zeroed memory from the system and says whether it is kept from being swapped out. VirtualLock takes as much
// as the working set's minimum allows; beyond it, memory that may be swapped out is better than no search.
func reserve(size int) (b []byte, locked bool, err error) {
	at, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, false, err
	}
	b = unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size) // memory of the system's, not of the collector's
	return b, windows.VirtualLock(at, uintptr(size)) == nil, nil
}

// giveBack returns memory that was cleared.
func giveBack(b []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(b))), 0, windows.MEM_RELEASE)
}
