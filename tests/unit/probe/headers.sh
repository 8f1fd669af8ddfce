#!/bin/sh
# headers.sh COMPILER c|c++ INCLUDE: compiles every_call.h in every standard that tacho.h promises,
# with and without TACHO_OFF, and takes any warning for a failure. Prints TAP.
cd "$(dirname "$0")" || exit 1
compiler=$1 language=$2 include=$3
case $language in
c) standards='c11 c17 gnu17' ;;
*) standards='c++11 c++17 gnu++20' ;;
esac
number=0 failed=0
echo '1..6'
for standard in $standards; do
    for off in -UTACHO_OFF -DTACHO_OFF; do
        number=$((number + 1))
        if printf '#include "every_call.h"\nint main(void) { return every_call(); }\n' |
            "$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra -Wshadow \
                -Wconversion -Werror -O2 "$off" -I"$include" -I. -o /dev/null -c - 2>&1 |
            sed 's/^/# /' | grep .; then
            failed=1
            echo "not ok $number - $standard $off"
        else
            echo "ok $number - $standard $off"
        fi
    done
done
exit "$failed"
