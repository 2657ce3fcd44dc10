/* RTP packets (RFC 3550 section 5.1) and header extensions (RFC 8285).
 *
 * Everything here reads what a stranger wrote: no byte is touched before its place is checked.
 */

#include <string.h>

#include "internal.h"

static void packet_note(packet_t *packet, int number, const uint8_t *value, int size)
{
    int bit = 1 << (number & 7);
    if (!(packet->listed[number >> 3] & bit)) {
        packet->listed[number >> 3] |= (uint8_t)bit;
        packet->numbers[packet->extension_count++] = (uint8_t)number; /* 1 to 255, each once */
    }
    packet->sizes[number] = (uint8_t)size;
    packet->values[number] = value;
}

static void packet_clear(packet_t *packet)
{
    packet->extension_count = 0;
    memset(packet->sizes, 0, sizeof packet->sizes);
    memset(packet->listed, 0, sizeof packet->listed);
}

static void one_byte(packet_t *packet, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        int number = *at >> 4, size = (*at & 15) + 1;
        if (*at == 0) {
            at++;
            continue;
        }
        if (number == 15 || size + 1 > end - at)
            return;
        if (number)
            packet_note(packet, number, at + 1, size);
        at += 1 + size;
    }
}

static void two_byte(packet_t *packet, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (*at == 0) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] + 2 > end - at)
            return;
        packet_note(packet, at[0], at + 2, at[1]);
        at += 2 + at[1];
    }
}

/* Returns 0 if the packet is malformed. Padding is left out of the payload. */
int packet_parse(packet_t *packet, const uint8_t *data, int size)
{
    int at, end, words, profile;
    packet_clear(packet);
    if (size < 12 || data[0] >> 6 != 2)
        return 0;
    packet->payload_type = data[1] & 0x7F;
    packet->marker = data[1] & 0x80;
    packet->seq = get16(data + 2);
    packet->timestamp = get32(data + 4);
    packet->ssrc = get32(data + 8);
    at = 12 + 4 * (data[0] & 15);
    if (data[0] & 0x10) {
        if (at + 4 > size)
            return 0;
        profile = get16(data + at);
        words = get16(data + at + 2);
        at += 4;
        end = at + 4 * words;
        if (end > size)
            return 0;
        if (profile == 0xBEDE)
            one_byte(packet, data + at, data + end);
        else if ((profile & 0xFFF0) == 0x1000)
            two_byte(packet, data + at, data + end);
        at = end;
    }
    if (at > size)
        return 0;
    if (data[0] & 0x20) {
        if (at >= size || data[size - 1] == 0 || data[size - 1] > size - at)
            return 0;
        size -= data[size - 1];
    }
    packet->payload = data + at;
    packet->payload_size = size - at;
    return 1;
}

/* Takes over extensions written as (number, size, value) items. Returns 0 if they do not fit. */
int packet_load(packet_t *packet, const uint8_t *items, int size)
{
    int at = 0;
    packet_clear(packet);
    while (at < size) {
        if (size - at < 2 || items[at] == 0 || items[at + 1] + 2 > size - at)
            return 0;
        packet_note(packet, items[at], items + at + 2, items[at + 1]);
        at += 2 + items[at + 1];
    }
    return 1;
}

/* The room that `packet_store` needs. */
int packet_items_size(const packet_t *packet)
{
    int index, total = 0;
    for (index = 0; index < packet->extension_count; index++)
        if (packet->sizes[packet->numbers[index]])
            total += 2 + packet->sizes[packet->numbers[index]];
    return total;
}

/* Writes the extensions as (number, size, value) items. */
void packet_store(const packet_t *packet, uint8_t *items)
{
    int index, number, size;
    for (index = 0; index < packet->extension_count; index++) {
        number = packet->numbers[index];
        size = packet->sizes[number];
        if (!size)
            continue;
        items[0] = (uint8_t)number;
        items[1] = (uint8_t)size;
        memcpy(items + 2, packet->values[number], (size_t)size);
        items += 2 + size;
    }
}
