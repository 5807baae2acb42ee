/*
 * Bulk transfer from the real servers to the client: how many bytes came in a given time. Neither end copies what is
 * sent (sendfile from memory; MSG_TRUNC, tcp(7)), so that most of the time is the network's.
 */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "common.h"

/* What is sent over and over. */
#define BLOCK (1 << 20)

/* Sends on until the socket is full; false when the connection has ended. */
static int send_block(int fd, int block)
{
	off_t from = 0;

	if (sendfile(fd, block, &from, BLOCK) >= 0)
		return 1;
	return errno == EAGAIN || errno == EINTR;
}

/* A connection gets the server's number, and data without end once the client has said a byte. */
static void serve(uint8_t self, unsigned long port)
{
	int listening = bound(SOCK_STREAM, port), epoll = must(epoll_create1(0), "epoll_create1");
	int block = must(memfd_create("block", 0), "memfd_create");
	struct epoll_event events[EVENTS];
	char byte;

	static char zeros[BLOCK];
	if (write(block, zeros, BLOCK) != BLOCK)
		fail("cannot fill a block");
	signal(SIGPIPE, SIG_IGN);
	must(listen(listening, MOST), "listen");
	watch(epoll, listening, EPOLLIN, (uint64_t)listening);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			int fd = (int)events[i].data.u64;

			if (fd == listening) {
				int fresh = accept4(listening, NULL, NULL, SOCK_NONBLOCK);

				if (fresh < 0)
					continue;
				if (send(fresh, &self, 1, 0) == 1)
					watch(epoll, fresh, EPOLLIN, (uint64_t)fresh);
				else
					close(fresh);
			} else if (events[i].events & EPOLLOUT) {
				if (!send_block(fd, block))
					close(fd);
			} else if (recv(fd, &byte, 1, 0) == 1) {
				struct epoll_event go = {.events = EPOLLOUT, .data.u64 = (uint64_t)fd};

				must(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &go), "epoll_ctl");
			} else {
				close(fd);
			}
		}
	}
}

static void load(unsigned long seconds, unsigned long port, char **addresses, int count)
{
	struct linger at_once = {.l_onoff = 1};
	struct epoll_event events[EVENTS];
	int fds[MOST], epoll = must(epoll_create1(0), "epoll_create1");
	uint8_t servers[MOST];
	uint64_t bytes = 0, end;

	for (int i = 0; i < count; i++) {
		fds[i] = connected(SOCK_STREAM, addresses[i], port);
		if (recv(fds[i], &servers[i], 1, 0) != 1)
			fail("no answer from %s", addresses[i]);
		/* A reset instead of an orderly end, after which nothing is on its way any more. */
		must(setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "SO_LINGER");
		watch(epoll, fds[i], EPOLLIN, (uint64_t)i);
	}
	for (int i = 0; seconds > 0 && i < count; i++)
		must((int)send(fds[i], "", 1, 0), "send");
	end = now() + seconds * 1000000000;
	while (now() < end) {
		int ready = epoll_wait(epoll, events, EVENTS, 100);

		for (int i = 0; i < ready; i++) {
			int fd = fds[events[i].data.u64];
			ssize_t got = recv(fd, NULL, BLOCK, MSG_TRUNC | MSG_DONTWAIT);

			if (got > 0) {
				bytes += (uint64_t)got;
			} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
				fail("a connection to %s ended early", addresses[events[i].data.u64]);
			}
		}
	}
	for (int i = 0; i < count; i++)
		close(fds[i]);
	report(bytes, 0, servers, count);
}

int main(int count, char **words)
{
	return command(count, words, serve, load);
}
