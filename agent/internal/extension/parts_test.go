package extension

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestRespell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"{\"a\":1,\n \"b\" : [ 1.50,2e9 ]}": `{"a": 1, "b": [1.50, 2e9]}`,
		`{"a":"x,y: \"z\"\\"}`:              `{"a": "x,y: \"z\"\\"}`,
		`"\u003c\/\u00e9\uD83D\ude00"`:      `"</\u00e9\ud83d\ude00"`,
		"\"é😀\"":                            `"\u00e9\ud83d\ude00"`,
		`"\u0022\u005c\u000a\u0001"`:        `"\"\\\n\u0001"`,
	} {
		assert.Equal(t, string(respell([]byte(in))), want)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	v := func(s string) version {
		v, err := parseVersion(s)
		assert.NilError(t, err)
		return v
	}
	assert.Assert(t, v("1.0").matches(v("1.0.5.2")))
	assert.Assert(t, !v("1.0.0").matches(v("1.0")))
	assert.Equal(t, v("1.0").compare(v("1.0.0")), 0)
	assert.Equal(t, v("1.9").compare(v("1.10")), -1)
	assert.Equal(t, v("01.02").String(), "1.2")
	for _, bad := range []string{"", "1.", "a", "1.-2", "1.+2", "1..2"} {
		_, err := parseVersion(bad)
		assert.Assert(t, err != nil, bad)
	}
}

func TestFormatOutput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ out, err, wantOut, wantErr int }{
		{10, 10, 10, 10}, {1599, 1600, 1599, 1600}, {1600, 1600, 1590, 1590}, {3200, 3200, 1590, 1590},
		{100, 3200, 100, 3080}, {3200, 0, 3180, 0},
	} {
		got := formatOutput(strings.Repeat("o", c.out), strings.Repeat("e", c.err))
		want := "[stdout]\n" + strings.Repeat("o", c.wantOut) + "\n\n[stderr]\n" + strings.Repeat("e", c.wantErr)
		assert.Equal(t, got, want)
		assert.Assert(t, len(got) <= 3219)
	}
}

func TestOperationsHaveTheContractsTimesAndCodes(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for name, op := range operations {
		got[name] = fmt.Sprint(op.event, " ", op.key, " ", op.timeout, " ", op.code)
	}
	assert.DeepEqual(t, got, map[string]string{
		"install":   "Install installCommand 15m0s 1007",
		"enable":    "Enable enableCommand 5m0s 1009",
		"update":    "Update updateCommand 15m0s 1008",
		"disable":   "Disable disableCommand 15m0s 1010",
		"uninstall": "UnInstall uninstallCommand 5m0s 1000",
	})
}
