/* What the bench's programs share: the clock, ends with a word, and reading the command line. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The most connections a load has. */
#define MOST 256
#define EVENTS 64

/* How long a real server may take until its first answer, in seconds. */
#define PATIENCE 1

static inline _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* Passes a system call's result on; ends the program when it failed. */
static inline int must(int result, const char *what)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}

/* Nanoseconds of the monotonic clock. */
static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static inline unsigned long number(const char *text, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > most)
		fail("%s is not a whole number from 0 to %lu", text, most);
	return value;
}

static inline struct sockaddr_in endpoint(const char *address, unsigned long port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		fail("%s is not an IPv4 address", address);
	return to;
}

/* A socket connected to the address, whose reads and writes give up after PATIENCE. */
static inline int connected(int type, const char *address, unsigned long port)
{
	struct sockaddr_in to = endpoint(address, port);
	struct timeval patience = {.tv_sec = PATIENCE};
	int fd = must(socket(AF_INET, type, 0), "socket");

	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "SO_RCVTIMEO");
	must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), "SO_SNDTIMEO");
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)), address);
	return fd;
}

/* A socket bound to the port on every address. */
static inline int bound(int type, unsigned long port)
{
	struct sockaddr_in here = endpoint("0.0.0.0", port);
	int fd = must(socket(AF_INET, type, 0), "socket"), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(bind(fd, (struct sockaddr *)&here, sizeof(here)), "bind");
	return fd;
}

static inline void watch(int epoll, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* What a load comes to: one line of JSON. */
static inline void report(uint64_t done, uint64_t errors, const uint8_t *servers, int count)
{
	printf("{\"done\":%llu,\"errors\":%llu,\"servers\":[", (unsigned long long)done,
	       (unsigned long long)errors);
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", servers[i]);
	puts("]}");
}

/*
 * serve NUMBER PORT: the real server of that number, until it is ended.
 * load SECONDS PORT ADDRESS…: one connection to each address; with 0 seconds it only asks which server each leads to.
 */
static inline int command(int count, char **words, void (*serve)(uint8_t, unsigned long),
			  void (*load)(unsigned long, unsigned long, char **, int))
{
	if (count == 4 && !strcmp(words[1], "serve"))
		serve((uint8_t)number(words[2], 255), number(words[3], 65535));
	else if (count >= 5 && count - 4 <= MOST && !strcmp(words[1], "load"))
		load(number(words[2], 3600), number(words[3], 65535), words + 4, count - 4);
	else
		fail("usage: %s serve NUMBER PORT | load SECONDS PORT ADDRESS...", words[0]);
	return 0;
}

#endif
