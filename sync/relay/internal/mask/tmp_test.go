package mask
import ("testing";"sealdesk/app/inbox";"strings";"fmt")
func BenchmarkParts(b *testing.B){
 k := Known{Region: "DE", Phones: []string{"4915155501234"}, Company: []string{"493055512345"}}
 for i,s:=range talk { 
  b.Run(fmt.Sprintf("text%d-%v",i,suspicious(s,&k)),func(b *testing.B){b.ReportAllocs();for b.Loop(){Policy{}.Text(s,k)}})
 }
 s:=talk[0]
 b.Run("susp",func(b *testing.B){for b.Loop(){suspicious(s,&k)}})
 b.Run("ident",func(b *testing.B){for b.Loop(){inbox.Identifying(s)}})
 b.Run("plain",func(b *testing.B){for b.Loop(){inbox.PlainText(s)}})
 b.Run("valid",func(b *testing.B){for b.Loop(){strings.ToValidUTF8(s,"")}})
 b.Run("peer",func(b *testing.B){for b.Loop(){peer(s)}})
 b.Run("fold",func(b *testing.B){for b.Loop(){fold(s)}})
}
