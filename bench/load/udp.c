/*
 * Small datagrams: every socket has one question on its way and asks the next when the answer has come. How many
 * answers came in a given time. Each socket is one connection to the director, opened before the time starts.
 */
#define _GNU_SOURCE
#include "common.h"

/* The largest batch a real server takes in one go. */
#define BATCH 32

/* A question without an answer for so long is lost, and asked again: nanoseconds. */
#define LOST 200000000

/* The payload: 32 bytes. */
struct message {
	uint32_t sequence;
	uint8_t server;
	uint8_t rest[27];
};

/* Sends every datagram back with its own number in it. */
static void serve(uint8_t self, unsigned long port)
{
	int fd = bound(SOCK_DGRAM, port);
	struct message messages[BATCH];
	struct sockaddr_in from[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr headers[BATCH];

	for (int i = 0; i < BATCH; i++) {
		parts[i].iov_base = &messages[i];
		headers[i] = (struct mmsghdr){
			.msg_hdr = {.msg_name = &from[i], .msg_iov = &parts[i], .msg_iovlen = 1},
		};
	}
	for (int count = BATCH, sent = 0;; sent = 0) {
		for (int i = 0; i < count; i++) {
			parts[i].iov_len = sizeof(messages[i]);
			headers[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		count = must(recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL), "recvmmsg");
		for (int i = 0; i < count; i++) {
			messages[i].server = self;
			parts[i].iov_len = headers[i].msg_len;
		}
		while (sent < count) {
			int now_sent = sendmmsg(fd, headers + sent, (unsigned)(count - sent), 0);

			/* One that cannot be sent is lost, as on a network; the client counts it. */
			sent += now_sent > 0 ? now_sent : 1;
		}
	}
}

struct client {
	int fd;
	uint64_t asked;
	struct message question;
};

static void ask(struct client *client, uint64_t time)
{
	client->asked = time;
	client->question.sequence++;
	/* A failure is found like a loss: no answer comes. */
	(void)!send(client->fd, &client->question, sizeof(client->question), MSG_DONTWAIT);
}

/* 1 when the answer to the last question has come; older ones are answers to what was given up as lost. */
static int answered(struct client *client, int flags, uint8_t *server)
{
	struct message answer;

	if (recv(client->fd, &answer, sizeof(answer), flags) != sizeof(answer))
		return 0;
	*server = answer.server;
	return answer.sequence == client->question.sequence;
}

static uint64_t repeat_lost(struct client *clients, int count, uint64_t time)
{
	uint64_t lost = 0;

	for (int i = 0; i < count; i++) {
		if (time - clients[i].asked < LOST)
			continue;
		lost++;
		ask(&clients[i], time);
	}
	return lost;
}

static void load(unsigned long seconds, unsigned long port, char **addresses, int count)
{
	static struct client clients[MOST];
	struct epoll_event events[EVENTS];
	int epoll = must(epoll_create1(0), "epoll_create1");
	uint8_t servers[MOST], server;
	uint64_t answers = 0, lost = 0, time, end, look;

	for (int i = 0; i < count; i++) {
		clients[i].fd = connected(SOCK_DGRAM, addresses[i], port);
		ask(&clients[i], 0);
		if (!answered(&clients[i], 0, &servers[i]))
			fail("no answer from %s", addresses[i]);
		watch(epoll, clients[i].fd, EPOLLIN, (uint64_t)i);
	}
	time = now();
	end = time + seconds * 1000000000;
	look = time + LOST;
	for (int i = 0; seconds > 0 && i < count; i++)
		ask(&clients[i], time);
	while (time < end) {
		int ready = epoll_wait(epoll, events, EVENTS, 100);

		time = now();
		for (int i = 0; i < ready; i++) {
			struct client *client = &clients[events[i].data.u64];

			if (!answered(client, MSG_DONTWAIT, &server))
				continue;
			answers++;
			ask(client, time);
		}
		if (time >= look) {
			lost += repeat_lost(clients, count, time);
			look = time + LOST;
		}
	}
	report(answers, lost, servers, count);
}

int main(int count, char **words)
{
	return command(count, words, serve, load);
}
