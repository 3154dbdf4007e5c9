package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Fyne's clipboard holds text only, so pictures are asked of Windows itself: as a PNG file where the other program put one,
// else as a bitmap (Win32, "Standard Clipboard Formats", CF_DIB).

var (
	user32      = windows.NewLazySystemDLL("user32.dll")
	kernel32    = windows.NewLazySystemDLL("kernel32.dll")
	openClip    = user32.NewProc("OpenClipboard")
	closeClip   = user32.NewProc("CloseClipboard")
	getClip     = user32.NewProc("GetClipboardData")
	formatClip  = user32.NewProc("RegisterClipboardFormatW")
	globalLock  = kernel32.NewProc("GlobalLock")
	globalFree  = kernel32.NewProc("GlobalUnlock")
	globalSized = kernel32.NewProc("GlobalSize")
)

const formatDIB = 8 // CF_DIB

// pastePicture returns the picture on the clipboard as a PNG or JPEG file; false when there is none.
func pastePicture() ([]byte, bool) {
	runtime.LockOSThread() // the clipboard belongs to the thread that opened it
	defer runtime.UnlockOSThread()
	if ok, _, _ := openClip.Call(0); ok == 0 {
		return nil, false
	}
	defer closeClip.Call()
	name, err := windows.UTF16PtrFromString("PNG")
	if err != nil {
		return nil, false
	}
	if format, _, _ := formatClip.Call(uintptr(unsafe.Pointer(name))); format != 0 {
		if data := clipboardBytes(format); len(data) > 0 {
			return data, true
		}
	}
	img := bitmap(clipboardBytes(formatDIB))
	if img == nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// clipboardBytes copies what the clipboard holds in a format.
func clipboardBytes(format uintptr) []byte {
	handle, _, _ := getClip.Call(format)
	if handle == 0 {
		return nil
	}
	size, _, _ := globalSized.Call(handle)
	if size == 0 || size > mostPasted {
		return nil
	}
	at, _, _ := globalLock.Call(handle)
	if at == 0 {
		return nil
	}
	defer globalFree.Call(handle)
	return bytes.Clone(unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size))
}

// bitmap reads an uncompressed picture of 24 or 32 bits per pixel, as screenshots are; nil for any other.
func bitmap(b []byte) image.Image {
	const head = 40
	if len(b) < head {
		return nil
	}
	le := binary.LittleEndian
	start, w, h := int(le.Uint32(b)), int(int32(le.Uint32(b[4:]))), int(int32(le.Uint32(b[8:])))
	bits, compression := int(le.Uint16(b[14:])), le.Uint32(b[16:])
	up := h > 0
	if !up {
		h = -h
	}
	if compression == 3 && start == head { // BI_BITFIELDS: three masks follow
		start += 12
	} else if compression != 0 && compression != 3 {
		return nil
	}
	if bits != 24 && bits != 32 || w < 1 || h < 1 || w > 1<<15 || h > 1<<15 {
		return nil
	}
	stride := (w*bits/8 + 3) &^ 3
	if len(b) < start+stride*h {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := b[start+y*stride:]
		to := y
		if up {
			to = h - 1 - y
		}
		for x := range w {
			p := row[x*bits/8:]
			img.SetNRGBA(x, to, color.NRGBA{R: p[2], G: p[1], B: p[0], A: 0xff})
		}
	}
	return img
}
