package telemetry

import "context"

// CollectOnce is one round of Run, extensions' folders included.
func (c *Collector) CollectOnce(ctx context.Context) {
	var b batcher
	c.extensions(&b)
	c.own(&b)
	c.send(ctx, b)
}
