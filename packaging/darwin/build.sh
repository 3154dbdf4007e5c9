#!/bin/sh
# Builds, signs and notarises the client for macOS. It runs on a Mac alone, in a checkout of the same commit as the kit.
# NOT TESTED: it was written from Apple's documentation, on a machine that has none of these tools. README.md is its runbook.
#
#   packaging/darwin/build.sh sealdesk-VERSION-macos-kit.tar.gz
#
# SIGN_APP   "Developer ID Application: ..."; empty: signed ad hoc, for this Mac alone
# SIGN_PKG   "Developer ID Installer: ..."; empty: the package is not signed
# NOTARY     keychain profile made by `xcrun notarytool store-credentials`; empty: not notarised
set -eu

kit=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../.."
out=$PWD/build/package/macos
rm -rf "$out"
mkdir -p "$out/root/Applications"
tar -xzf "$kit" -C "$out" --strip-components 1
version=$(plutil -extract CFBundleShortVersionString raw "$out/Sealdesk.app/Contents/Info.plist")
id=$(plutil -extract CFBundleIdentifier raw "$out/Sealdesk.app/Contents/Info.plist")

for arch in arm64 amd64; do
	CGO_ENABLED=1 GOOS=darwin GOARCH=$arch MACOSX_DEPLOYMENT_TARGET=12.0 GOFLAGS=-buildvcs=false \
		CGO_CFLAGS="-O2 -mmacosx-version-min=12.0" CGO_LDFLAGS="-mmacosx-version-min=12.0" \
		go build -trimpath -tags release,migrated_fynedo,no_animations \
		-ldflags "-s -w -X main.release=$version" -o "$out/sealdesk-$arch" ./app/sealdesk
done
mkdir -p "$out/Sealdesk.app/Contents/MacOS"
lipo -create -output "$out/Sealdesk.app/Contents/MacOS/sealdesk" "$out/sealdesk-arm64" "$out/sealdesk-amd64"
plutil -lint "$out/Sealdesk.app/Contents/Info.plist" "$out/sealdesk.entitlements" "$out/component.plist"

if [ -n "${SIGN_APP:-}" ]; then
	codesign --force --options runtime --timestamp --entitlements "$out/sealdesk.entitlements" -s "$SIGN_APP" "$out/Sealdesk.app"
else
	codesign --force --options runtime --entitlements "$out/sealdesk.entitlements" -s - "$out/Sealdesk.app"
fi
codesign --verify --strict --deep --verbose=2 "$out/Sealdesk.app"

mv "$out/Sealdesk.app" "$out/root/Applications/"
pkgbuild --root "$out/root" --component-plist "$out/component.plist" --identifier "$id" --version "$version" \
	--install-location / "$out/sealdesk-component.pkg"
pkg=$out/sealdesk-$version-macos.pkg
if [ -n "${SIGN_PKG:-}" ]; then
	productbuild --distribution "$out/Distribution" --package-path "$out" --resources "$out/resources" --sign "$SIGN_PKG" "$pkg"
	pkgutil --check-signature "$pkg"
else
	productbuild --distribution "$out/Distribution" --package-path "$out" --resources "$out/resources" "$pkg"
fi
if [ -n "${NOTARY:-}" ]; then
	xcrun notarytool submit "$pkg" --keychain-profile "$NOTARY" --wait
	xcrun stapler staple "$pkg"
	spctl --assess --type install --verbose=2 "$pkg"
fi
shasum -a 256 "$pkg"
