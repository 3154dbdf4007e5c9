package seal

// Made under testKey 1 for store "store one", schema 1, bucket "bucket", key "key". Never edited, only added to.
var goldens = map[string]string{
	"suite 1": "0159be8977d5a66e0fbc5777d41ec3db46686b987989e902e84e19aa908229be6e5aaa653272302ddc15e54076f9692a11ff5c05f4d5ba018c9f903ad05b",
	"suite 2": "02e344a7a69f455c2a96fcc05f5d0c974d4ca6b1786e405767d8337260f89bb006485660c71d47985d83331a97c49f7e0e1a",
}

const (
	goldenName    = "ebc65b362537b65822931ac44fa4fd90"
	goldenCheck   = "e7a5f98d5dfc8008a395ddd73c5bb831"
	goldenDerived = "5dcd256e94742dfef1a48313cfc87bc6f94e35cfccbd056ccc15656d7e7eadaa"
	goldenJoined  = "507830a1787cfdb74415d0c4a840cea6ef26ddf0d74c6cf4babbc12d7047b84c"
)
