/* trim.h: gives back memory that only the start needed; for programs that then go on for hours.
 *
 * What: the pages of code and constants that were mapped on the way (they come back from the page
 * cache when they are needed again, some microseconds each), and what malloc keeps. A board of 1 GB
 * notices. Threads: any; nobody is stopped. Errors: none; where the kernel will not, nothing
 * happens.
 */
#ifndef TACHO_BASE_TRIM_H
#define TACHO_BASE_TRIM_H

void memory_trim(void);
/* Before anything large is allocated: blocks of 32 KB and more come from the kernel one by one, so
 * that pages of theirs which are never used cost nothing, and freed ones go back at once. */
void memory_save(void);

#endif
