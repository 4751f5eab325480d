package main

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestARunIsSummedUpForAPerson(t *testing.T) {
	t.Parallel()
	const events = `{"Action":"start","Package":"m/a"}
{"Action":"run","Package":"m/a","Test":"TestGood"}
{"Action":"output","Package":"m/a","Test":"TestGood","Output":"chatter\n"}
{"Action":"pass","Package":"m/a","Test":"TestGood","Elapsed":1}
{"Action":"run","Package":"m/a","Test":"TestBad"}
{"Action":"run","Package":"m/a","Test":"TestBad/case"}
{"Action":"output","Package":"m/a","Test":"TestBad/case","Output":"=== RUN   TestBad/case\n"}
{"Action":"output","Package":"m/a","Test":"TestBad/case","Output":"    a_test.go:7: 1 is not 2\n"}
{"Action":"fail","Package":"m/a","Test":"TestBad/case","Elapsed":0.5}
{"Action":"fail","Package":"m/a","Test":"TestBad","Elapsed":0.5}
{"Action":"run","Package":"m/a","Test":"TestNot"}
{"Action":"output","Package":"m/a","Test":"TestNot","Output":"    a_test.go:9: SKIP no engine: none is here\n"}
{"Action":"output","Package":"m/a","Test":"TestNot","Output":"--- SKIP: TestNot (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestNot"}
{"Action":"output","Package":"m/a","Output":"FAIL\n"}
{"Action":"output","Package":"m/a","Output":"FAIL\tm/a\t0.9s\n"}
{"Action":"fail","Package":"m/a","Elapsed":0.9}
not json
{"Action":"build-output","ImportPath":"m/b","Output":"b.go:1: broken\n"}
{"Action":"build-fail","ImportPath":"m/b"}
{"Action":"run","Package":"m/scenarios","Test":"TestScenarios/boot/ready"}
{"Action":"pass","Package":"m/scenarios","Test":"TestScenarios/boot/ready","Elapsed":9}
{"Action":"pass","Package":"m/scenarios","Test":"TestScenarios","Elapsed":9}
{"Action":"output","Package":"m/scenarios","Output":"ok  \tm/scenarios\t9.1s\n"}
{"Action":"pass","Package":"m/scenarios"}`
	const want = `FAIL  m/a TestBad/case (0.5s)
          a_test.go:7: 1 is not 2
FAIL  m/a TestBad (0.5s)
SKIP  m/a TestNot: no engine: none is here
FAIL	m/a	0.9s
not json
      b.go:1: broken
PASS  boot/ready (9.0s)
ok  	m/scenarios	9.1s
2 passed, 1 failed, 1 skipped
`
	var out strings.Builder
	s := newSummary(&out)
	assert.NilError(t, s.read(strings.NewReader(events)))
	s.close()
	assert.Equal(t, out.String(), want)
}
