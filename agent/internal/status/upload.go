package status

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// ErrNoBlob is a goal state that names no place for the status.
var ErrNoBlob = errors.New("the goal state has no status blob")

// Uploader brings a status blob to storage, through the host first.
type Uploader struct {
	HTTP *fabric.HTTP
	Host *fabric.HostGA // nil: direct only
	Log  *slog.Logger

	beside bool // the last status had to go, and went, without the host
}

// pageMax is the most that one write to a page blob takes, and pageSize its unit.
const (
	pageMax  = 4 << 20
	pageSize = 512
)

// Upload writes doc to the blob at uri. When the host says that the agent's idea of where the VM is was stale, nothing
// more is tried: storage would take the report of a VM that has moved away. While storage takes what a host does not, the
// host is asked once each time: its patient attempts would keep back every report, and the goal states after it. Upload is
// not safe for concurrent use.
func (u *Uploader) Upload(ctx context.Context, uri secret.Text, kind string, doc []byte) error {
	if uri.IsZero() {
		return ErrNoBlob
	}
	var hostErr error
	if u.Host != nil {
		hostErr = u.viaHost(ctx, uri.Reveal(), kind, doc)
		switch {
		case hostErr == nil:
			u.beside = false
			return nil
		case ctx.Err() != nil:
			return hostErr
		case errors.Is(hostErr, fabric.ErrResourceGone):
			return fmt.Errorf("upload status: %w", hostErr)
		}
		u.Log.Debug("The host does not take the status, uploading it directly", "error", hostErr)
	}
	err := u.direct(ctx, uri.Reveal(), kind, doc)
	u.beside = err == nil && hostErr != nil
	if err != nil {
		return fmt.Errorf("upload status: %w", errors.Join(hostErr, err))
	}
	return nil
}

// put is one request to storage.
type put struct {
	uri     string
	headers []hostga.BlobHeader
	body    []byte
}

// puts are the requests that write doc: one for a block blob, and for a page blob one that sizes it and one for every
// run of pages. fill is what the last page is filled up with.
func puts(uri, kind string, doc []byte, now time.Time, fill byte) []put {
	common := []hostga.BlobHeader{
		{Name: hostga.BlobHeaderDate, Value: stamp(now)}, {Name: hostga.BlobHeaderVersion, Value: wireserver.StorageVersion},
	}
	if kind != hostga.PageBlob {
		return []put{{uri: uri, body: doc, headers: with(common,
			"Content-Length", strconv.Itoa(len(doc)), hostga.BlobHeaderType, hostga.BlockBlob)}}
	}
	pages := pad(doc, fill)
	list := []put{{uri: uri, headers: with(common, "Content-Length", "0", hostga.BlobHeaderType, hostga.PageBlob,
		hostga.BlobHeaderLength, strconv.Itoa(len(pages)))}}
	for start := 0; start < len(pages); start += pageMax {
		chunk := pages[start:min(start+pageMax, len(pages))]
		list = append(list, put{uri: withQuery(uri, "comp=page"), body: chunk, headers: with(common,
			"Content-Length", strconv.Itoa(len(chunk)), hostga.BlobHeaderPageWrite, "update",
			hostga.BlobHeaderRange, fmt.Sprintf("bytes=%d-%d", start, start+len(chunk)-1))})
	}
	return list
}

func with(common []hostga.BlobHeader, pairs ...string) []hostga.BlobHeader {
	list := slices.Clone(common)
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, hostga.BlobHeader{Name: pair[0], Value: pair[1]})
	}
	slices.SortFunc(list, func(a, b hostga.BlobHeader) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func pad(doc []byte, fill byte) []byte {
	short := (pageSize - len(doc)%pageSize) % pageSize
	return append(slices.Clone(doc), bytes.Repeat([]byte{fill}, short)...)
}

func withQuery(uri, query string) string {
	if strings.Contains(uri, "?") {
		return uri + "&" + query
	}
	return uri + "?" + query
}

func (u *Uploader) viaHost(ctx context.Context, uri, kind string, doc []byte) error {
	var patience fabric.Retry
	if u.beside {
		patience = fabric.Raw()
	}
	for _, p := range puts(uri, kind, doc, time.Now(), ' ') {
		request := hostga.StatusUpload{Headers: p.headers, RequestURI: p.uri}
		if p.body != nil {
			content := base64.StdEncoding.EncodeToString(p.body)
			request.Content = &content
		}
		body, err := marshal(request)
		if err != nil {
			return err
		}
		if err := u.Host.PutStatus(ctx, body, patience); err != nil {
			return err
		}
	}
	return nil
}

func (u *Uploader) direct(ctx context.Context, uri, kind string, doc []byte) error {
	for _, p := range puts(uri, kind, doc, time.Now(), 0) {
		h := map[string]string{}
		for _, header := range p.headers {
			if header.Name != "Content-Length" { // the client counts itself
				h[header.Name] = header.Value
			}
		}
		_, err := u.HTTP.Do(ctx, fabric.Request{
			Method: http.MethodPut, URL: p.uri, Header: h, Body: p.body, OK: []int{http.StatusCreated}, Proxied: true,
		}, fabric.Retry{})
		if err != nil {
			return err
		}
	}
	return nil
}
