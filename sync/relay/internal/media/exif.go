package media

import (
	"bytes"
	"encoding/binary"
)

// tiffOrientation reads the one number of an EXIF block (Exif 2.32, tag 0x0112) that a picture cannot do without. It is 1,
// upright, for everything that is not clearly something else.
func tiffOrientation(tiff []byte) int {
	var order binary.ByteOrder = binary.BigEndian
	switch {
	case len(tiff) < 8:
		return 1
	case bytes.HasPrefix(tiff, []byte("II*\x00")):
		order = binary.LittleEndian
	case !bytes.HasPrefix(tiff, []byte("MM\x00*")):
		return 1
	}
	at := int64(order.Uint32(tiff[4:]))
	if at > int64(len(tiff))-2 {
		return 1
	}
	count := int(order.Uint16(tiff[at:]))
	dir := tiff[at+2:]
	for i := 0; i < count && len(dir) >= 12; i, dir = i+1, dir[12:] {
		if order.Uint16(dir) != 0x0112 {
			continue
		}
		v := 0
		switch order.Uint16(dir[2:]) {
		case 3:
			v = int(order.Uint16(dir[8:]))
		case 4:
			v = int(min(order.Uint32(dir[8:]), 9))
		}
		if v >= 1 && v <= 8 {
			return v
		}
		return 1
	}
	return 1
}

// orientationOnly is the smallest EXIF block that turns a picture.
func orientationOnly(o int) []byte {
	return []byte{'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(o), 0, 0, 0, 0, 0, 0}
}

// turned gives a picture's size as it is seen.
func turned(w, h, orientation int) (int, int) {
	if orientation >= 5 {
		return h, w
	}
	return w, h
}
