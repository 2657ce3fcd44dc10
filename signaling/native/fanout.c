/* One incoming stream to all who take it: renumbering, header extensions, retransmission.
 *
 * signaling/sfu/fanout.py does the same in Python; the two must agree to the byte.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define BLOCK (4 + (PASSED + 2) * 257 + 4)
#define RATE_WINDOW 1.0 /* seconds over which a stream's bitrate is measured */
#define MAX_KEPT 4096

/* Retransmission ring */

static void kept_drop(kept_t *kept)
{
    free(kept->data);
    kept->data = NULL;
}

/* Forgets packets older than `keep` seconds, so that slow streams hold no more than fast ones. */
static void relay_trim(relay_t *relay, int64_t newest, double now)
{
    int64_t first = newest - relay->mask;
    if (relay->oldest < first)
        relay->oldest = first;
    while (relay->oldest < newest) {
        kept_t *kept = &relay->ring[relay->oldest & relay->mask];
        if (kept->data && kept->seq == relay->oldest) {
            if (now - kept->at <= relay->keep)
                return;
            kept_drop(kept);
        }
        relay->oldest++;
    }
}

static void relay_keep(relay_t *relay, const packet_t *packet, int64_t seq, double now)
{
    kept_t *kept = &relay->ring[seq & relay->mask];
    int extensions = packet_items_size(packet);
    if (kept->data && kept->seq > seq)
        return; /* arrived too late to be asked for */
    kept_drop(kept);
    if (extensions + packet->payload_size > MAX_KEPT)
        return;
    kept->data = malloc((size_t)(extensions + packet->payload_size));
    if (!kept->data)
        return;
    packet_store(packet, kept->data);
    memcpy(kept->data + extensions, packet->payload, (size_t)packet->payload_size);
    kept->seq = seq;
    kept->at = now;
    kept->timestamp = packet->timestamp;
    kept->marker = (uint8_t)packet->marker;
    kept->extension_size = (uint16_t)extensions;
    kept->payload_size = (uint16_t)packet->payload_size;
    relay_trim(relay, seq, now);
}

/* The stream begins anew under fresh numbers: what is kept can no longer be asked for. */
void relay_restart(relay_t *relay)
{
    uint32_t index;
    for (index = 0; relay->ring && index <= relay->mask; index++)
        kept_drop(&relay->ring[index]);
    relay->generation++;
    relay->oldest = 0;
}

/* Header */

/* What the header of one outgoing packet says beyond the incoming one. */
typedef struct {
    uint32_t ssrc, timestamp, send_time;
    int payload_type;
    uint16_t seq, number, picture;
    uint8_t tl0;
    int original; /* the number of the packet repeated by RTX, or -1 */
} label_t;

static int item_put(uint8_t *at, int wide, int number, const uint8_t *value, int size)
{
    if (wide) {
        at[0] = (uint8_t)number;
        at[1] = (uint8_t)size;
        memcpy(at + 2, value, (size_t)size);
        return size + 2;
    }
    at[0] = (uint8_t)(number << 4 | (size - 1));
    memcpy(at + 1, value, (size_t)size);
    return size + 1;
}

/* Writes the extension block, two-byte form only when one item needs it. Returns its size. */
static int block_put(uint8_t *block, const outlet_t *outlet, const packet_t *packet,
                     const label_t *label)
{
    int count = 0, wide = 0, at = 4, index, numbers[PASSED + 2], sizes[PASSED + 2];
    const uint8_t *values[PASSED + 2];
    uint8_t transport[2], stamp[3];
    if (outlet->transport_cc) {
        put16(transport, label->number);
        numbers[count] = outlet->transport_cc;
        sizes[count] = 2;
        values[count++] = transport;
    }
    for (index = 0; index < outlet->passed_count && index < PASSED; index++) {
        int own = outlet->passed[index].own;
        if (packet->sizes[own]) {
            numbers[count] = outlet->passed[index].number;
            sizes[count] = packet->sizes[own];
            values[count++] = packet->values[own];
        }
    }
    if (outlet->abs_send_time) {
        stamp[0] = (uint8_t)(label->send_time >> 16);
        stamp[1] = (uint8_t)(label->send_time >> 8);
        stamp[2] = (uint8_t)label->send_time;
        numbers[count] = outlet->abs_send_time;
        sizes[count] = 3;
        values[count++] = stamp;
    }
    if (!count)
        return 0;
    for (index = 0; index < count; index++)
        wide |= numbers[index] >= 15 || sizes[index] > 16;
    for (index = 0; index < count; index++)
        at += item_put(block + at, wide, numbers[index], values[index], sizes[index]);
    while (at & 3)
        block[at++] = 0;
    put16(block, wide ? 0x1000 : 0xBEDE);
    put16(block + 2, (uint32_t)(at - 4) / 4);
    return at;
}

/* Builds and queues one packet; one that is too large for the line is left out. */
static void send_labelled(media_t *media, outlet_t *outlet, const packet_t *packet,
                          const vp8_t *vp8, const label_t *label)
{
    uint8_t block[BLOCK], *out;
    int size = block_put(block, outlet, packet, label), at = 12 + size;
    int total = at + packet->payload_size + (label->original >= 0 ? 2 : 0);
    if (total > MAX_PACKET || !(out = slot_next(media)))
        return;
    out[0] = size ? 0x90 : 0x80;
    out[1] = (uint8_t)(packet->marker | label->payload_type);
    put16(out + 2, label->seq);
    put32(out + 4, label->timestamp);
    put32(out + 8, label->ssrc);
    memcpy(out + 12, block, (size_t)size);
    if (label->original >= 0) {
        put16(out + at, (uint32_t)label->original);
        at += 2;
    }
    memcpy(out + at, packet->payload, (size_t)packet->payload_size);
    if (vp8)
        vp8_put(out + at, vp8, label->picture, label->tl0);
    slot_send(media, outlet->to, total);
}

/* The time of sending in 6.18 fixed point, and the transport-wide number where negotiated. */
static void label_time(label_t *label, const outlet_t *outlet, int payload_size, double now)
{
    label->send_time = (uint32_t)(uint64_t)(now * 262144.0) & 0xFFFFFF;
    label->number = 0;
    if (outlet->transport_cc) {
        uint64_t number = (*outlet->log_counter)++;
        outlet->log_times[number & outlet->log_mask] = now;
        outlet->log_sizes[number & outlet->log_mask] =
            (uint32_t)payload_size + outlet->log_overhead;
        label->number = (uint16_t)number;
    }
}

/* Offsets */

void shifts_begin(shifts_t *shifts, int64_t start, int64_t offset)
{
    shifts->count = 1;
    shifts->starts[0] = start;
    shifts->offsets[0] = offset;
}

void shifts_add(shifts_t *shifts, int64_t start, int64_t offset)
{
    if (shifts->count == OFFSETS) {
        memmove(shifts->starts, shifts->starts + 1, (OFFSETS - 1) * sizeof *shifts->starts);
        memmove(shifts->offsets, shifts->offsets + 1, (OFFSETS - 1) * sizeof *shifts->offsets);
        shifts->count--;
    }
    shifts->starts[shifts->count] = start;
    shifts->offsets[shifts->count++] = offset;
}

/* Returns 0 if `number` is older than all that is remembered. */
int shifts_find(const shifts_t *shifts, int64_t number, int64_t *offset)
{
    int index;
    for (index = shifts->count - 1; index >= 0; index--)
        if (number >= shifts->starts[index]) {
            *offset = shifts->offsets[index];
            return 1;
        }
    return 0;
}

/* Outlets */

/* The outlet takes `relay` from packet `seq` on, continuing its own numbers. */
void outlet_enter(outlet_t *outlet, relay_t *relay, int64_t seq, uint32_t time_offset,
                  const uint8_t *payload, int payload_size)
{
    segment_t *segment;
    vp8_t vp8;
    shifts_begin(&outlet->shifts, seq, outlet->last_seq + 1 - seq);
    outlet->highest = seq - 1;
    outlet->time_offset = time_offset;
    if (relay->codec == VP8 && vp8_parse(&vp8, payload, payload_size)) {
        pictures_enter(outlet, &vp8);
        outlet->temporal.now = outlet->temporal.wanted; /* at a keyframe every level may begin */
    }
    outlet->segment++;
    segment = &outlet->segments[outlet->segment % SEGMENTS];
    segment->relay = relay;
    segment->generation = relay->generation;
    segment->id = outlet->segment;
    segment->time_offset = time_offset;
}

/* Nothing sent so far is to be repeated. */
void outlet_forget(outlet_t *outlet)
{
    memset(outlet->ring, 0, ((size_t)outlet->mask + 1) * sizeof *outlet->ring);
    outlet->mid_frame = 0;
}

/* Moves all numbers after the newest packet. */
static void outlet_shift(outlet_t *outlet, int by)
{
    shifts_t *shifts = &outlet->shifts;
    int last = shifts->count - 1;
    if (shifts->starts[last] > outlet->highest)
        shifts->offsets[last] += by;
    else
        shifts_add(shifts, outlet->highest + 1, shifts->offsets[last] + by);
}

/* Leaves no gap for a packet that is not sent; those missing before it keep theirs. */
void outlet_skip(outlet_t *outlet, int64_t seq)
{
    if (seq > outlet->highest && outlet->shifts.count) {
        outlet->highest = seq;
        outlet_shift(outlet, -1);
    }
}

static void remember(outlet_t *outlet, const label_t *label, int kind, uint32_t seq)
{
    sent_t *sent = &outlet->ring[label->seq & outlet->mask];
    sent->seq = seq;
    sent->send_time = label->send_time;
    sent->wire = label->seq;
    sent->number = label->number;
    sent->segment = outlet->segment;
    sent->picture = label->picture;
    sent->tl0 = label->tl0;
    sent->kind = (uint8_t)kind;
}

static void outlet_forward(media_t *media, outlet_t *outlet, const packet_t *packet,
                           const vp8_t *vp8, int64_t seq, double now)
{
    label_t label = {.ssrc = outlet->ssrc, .payload_type = outlet->payload_type, .original = -1};
    int size = packet->payload_size - (vp8 ? vp8->size : 0);
    int64_t offset;
    if (vp8 && !temporal_passes(&outlet->temporal, vp8, size, now)) {
        pictures_drop(outlet, vp8);
        outlet_skip(outlet, seq);
        return;
    }
    if (!shifts_find(&outlet->shifts, seq, &offset))
        return;
    label.seq = (uint16_t)(seq + offset);
    label.timestamp = packet->timestamp + outlet->time_offset;
    if (seq > outlet->highest) {
        outlet->highest = seq;
        outlet->last_seq = seq + offset;
        outlet->last_time = label.timestamp;
        outlet->last_sent = now;
        outlet->mid_frame = !packet->marker;
    }
    label_time(&label, outlet, packet->payload_size, now);
    if (vp8)
        pictures_map(outlet, vp8, &label.picture, &label.tl0);
    remember(outlet, &label, SENT_MEDIA, (uint32_t)seq);
    outlet->packets++;
    outlet->octets += (uint64_t)size;
    send_labelled(media, outlet, packet, vp8, &label);
}

/* Sends a packet to all who take the stream, and keeps it for those who will miss it. */
void forward(media_t *media, relay_t *relay, const packet_t *packet, int64_t seq, double now)
{
    vp8_t vp8;
    int index, has_vp8 = relay->codec == VP8;
    if (!(relay->outlet_count || relay->paced) ||
        (has_vp8 && !vp8_parse(&vp8, packet->payload, packet->payload_size)))
        return;
    relay_keep(relay, packet, seq, now);
    for (index = 0; index < relay->outlet_count; index++)
        outlet_forward(media, relay->outlets[index], packet, has_vp8 ? &vp8 : NULL, seq, now);
}

/* A packet that Python has looked at; its extensions as (number, size, value) items. */
void media_forward(media_t *media, relay_t *relay, outlet_t *outlet, int64_t seq, int marker,
                   uint32_t timestamp, const uint8_t *extensions, int extension_size,
                   const uint8_t *payload, int payload_size, double now)
{
    packet_t packet;
    vp8_t vp8;
    int has_vp8 = relay->codec == VP8;
    if (!packet_load(&packet, extensions, extension_size))
        return;
    packet.marker = marker & 0x80;
    packet.timestamp = timestamp;
    packet.payload = payload;
    packet.payload_size = payload_size;
    if (!outlet)
        forward(media, relay, &packet, seq, now);
    else if (!has_vp8 || vp8_parse(&vp8, payload, payload_size))
        outlet_forward(media, outlet, &packet, has_vp8 ? &vp8 : NULL, seq, now);
}

void relay_skip(relay_t *relay, int64_t seq)
{
    int index;
    for (index = 0; index < relay->outlet_count; index++)
        outlet_skip(relay->outlets[index], seq);
}

/* Padding */

static void send_padding(media_t *media, outlet_t *outlet, const label_t *label)
{
    static const packet_t nothing;
    uint8_t block[BLOCK], *out = slot_next(media);
    outlet_t bare = {.transport_cc = outlet->transport_cc};
    int size = block_put(block, &bare, &nothing, label), total = 12 + size + PADDING;
    out[0] = size ? 0xB0 : 0xA0;
    out[1] = (uint8_t)label->payload_type;
    put16(out + 2, label->seq);
    put32(out + 4, label->timestamp);
    put32(out + 8, label->ssrc);
    memcpy(out + 12, block, (size_t)size);
    memset(out + 12 + size, 0, PADDING - 1);
    out[total - 1] = PADDING;
    slot_send(media, outlet->to, total);
}

static void label_rtx(label_t *label, outlet_t *outlet)
{
    label->ssrc = outlet->rtx_ssrc;
    label->payload_type = outlet->rtx_payload_type;
    label->seq = outlet->rtx_seq++;
}

/* Sends one packet of padding; by RTX where agreed, else under one of the picture's numbers.
 * Returns 0 in the middle of a picture or before any. */
int media_pad(media_t *media, outlet_t *outlet, double now)
{
    label_t label = {.ssrc = outlet->ssrc, .payload_type = outlet->payload_type};
    if (!outlet->shifts.count || (outlet->mid_frame && !outlet->rtx_payload_type))
        return 0;
    label.timestamp = outlet->last_time;
    label_time(&label, outlet, PADDING, now);
    if (outlet->rtx_payload_type) {
        label_rtx(&label, outlet);
    } else {
        outlet->last_seq++;
        outlet_shift(outlet, 1);
        label.seq = (uint16_t)outlet->last_seq;
        remember(outlet, &label, SENT_PADDING, outlet->last_time);
    }
    send_padding(media, outlet, &label);
    return 1;
}

/* Retransmission */

static const sent_t *sent_as(const outlet_t *outlet, uint16_t wire)
{
    const sent_t *sent = &outlet->ring[wire & outlet->mask];
    return sent->kind && sent->wire == wire ? sent : NULL;
}

/* The kept packet behind an outgoing one, or NULL. */
static const kept_t *kept_of(const outlet_t *outlet, const sent_t *sent)
{
    const segment_t *segment = &outlet->segments[sent->segment % SEGMENTS];
    const relay_t *relay = segment->relay;
    const kept_t *kept;
    if (!relay || segment->id != sent->segment || segment->generation != relay->generation)
        return NULL;
    kept = &relay->ring[sent->seq & relay->mask];
    return kept->data && (uint32_t)kept->seq == sent->seq ? kept : NULL;
}

/* The bytes that repeating `wire` would send, about; -1 if it cannot be repeated. */
int outlet_kept(outlet_t *outlet, uint16_t wire)
{
    const sent_t *sent = sent_as(outlet, wire);
    const kept_t *kept;
    if (sent && sent->kind == SENT_PADDING)
        return 20 + PADDING;
    kept = sent ? kept_of(outlet, sent) : NULL;
    return kept ? 20 + kept->payload_size : -1;
}

/* Sends `wire` once more: by RTX where agreed, else exactly as before, because SRTP's AEAD ciphers
 * must never see one number with two texts. Returns -2 if it is no longer kept, -1 if it went by
 * RTX, else the transport-wide number it has carried twice. */
int media_resend(media_t *media, outlet_t *outlet, uint16_t wire, double now)
{
    const sent_t *sent = sent_as(outlet, wire);
    const kept_t *kept;
    const segment_t *segment;
    label_t label = {.ssrc = outlet->ssrc, .payload_type = outlet->payload_type, .original = -1};
    packet_t packet;
    vp8_t vp8;
    int has_vp8;
    if (!sent)
        return -2;
    label.seq = wire;
    label.send_time = sent->send_time;
    label.number = sent->number;
    label.picture = sent->picture;
    label.tl0 = sent->tl0;
    if (sent->kind == SENT_PADDING) {
        label.timestamp = sent->seq;
        send_padding(media, outlet, &label);
        return sent->number;
    }
    kept = kept_of(outlet, sent);
    if (!kept || !packet_load(&packet, kept->data, kept->extension_size))
        return -2;
    segment = &outlet->segments[sent->segment % SEGMENTS];
    packet.marker = kept->marker;
    packet.payload = kept->data + kept->extension_size;
    packet.payload_size = kept->payload_size;
    has_vp8 = segment->relay->codec == VP8;
    if (has_vp8 && !vp8_parse(&vp8, packet.payload, packet.payload_size))
        return -2;
    label.timestamp = kept->timestamp + segment->time_offset;
    if (outlet->rtx_payload_type) {
        label_rtx(&label, outlet);
        label.original = wire;
        label_time(&label, outlet, packet.payload_size + 2, now);
    }
    send_labelled(media, outlet, &packet, has_vp8 ? &vp8 : NULL, &label);
    return label.original >= 0 ? -1 : sent->number;
}

/* Receiving */

static void relay_measure(relay_t *relay, const packet_t *packet, double now)
{
    double transit = now * relay->clock_rate - packet->timestamp;
    double difference = transit - relay->transit;
    if (difference < 0)
        difference = -difference;
    if (relay->packets > 1 && difference < relay->clock_rate)
        relay->jitter += (difference - relay->jitter) / 16;
    relay->transit = transit;
    if (relay->window < 0) {
        relay->window = now;
    } else if (now - relay->window >= RATE_WINDOW) {
        relay->bitrate = (double)relay->octets * 8 / (now - relay->window);
        relay->octets = 0;
        relay->window = now;
    }
}

/* Takes the next packet of a stream in order. Returns 0 if Python has to: gaps, repeats, and
 * packets that a subscriber or the picture waits for. */
int relay_receive(media_t *media, relay_t *relay, const packet_t *packet, double now)
{
    int64_t seq = relay->highest + 1;
    if (!relay->started || relay->attention || packet->seq != (uint16_t)seq)
        return 0;
    relay->highest = seq;
    relay->last_packet = now;
    relay->packets++;
    relay->octets += (uint64_t)packet->payload_size;
    relay_measure(relay, packet, now);
    if (relay->muted)
        return 1;
    if (packet->payload_size)
        forward(media, relay, packet, seq, now);
    else
        relay_skip(relay, seq);
    return 1;
}
